"""Errors, signals and streams, on commands made for the purpose."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time

import pytest

from scartools import errors
from scartools.cli import signals, streams
from scartools.errors import ExitStatus, ScartoolsError
from tests.conftest import run_inside

KINDS = {
    errors.OutputError: 1, errors.UsageError: 2, errors.InputError: 3, errors.GeometryError: 3,
    errors.OutputExists: 4, errors.ItemsFailed: 5, errors.StoppedOnRequest: 75,
}  # fmt: skip


def failing(monkeypatch, error: BaseException):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("scartools.files.inspection.inspect", fail)
    return run_inside("check", "a.nii.gz")


@pytest.mark.parametrize(("kind", "status"), KINDS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_every_error_type_has_its_status_and_one_line(monkeypatch, kind, status):
    done = failing(monkeypatch, kind("went\nwrong", where="a.nii.gz", remedy="Try this"))
    assert done.status == status
    assert done.error == "scartools check: error: a.nii.gz: went wrong. Try this."


def test_every_status_between_1_and_75_has_one_error_type():
    own = {kind.status for kind in ScartoolsError.__subclasses__()}
    assert own == {s for s in ExitStatus if 1 <= s <= 75}


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (signals.Terminated(), 143, "terminated"),
        (MemoryError(), 1, "out of memory"),
        (OSError(5, "Input/output error", "disk"), 1, "disk: Input/output error"),
        (ValueError("a\nb"), 1, "unexpected failure: ValueError: a b"),
    ],
)
def test_whatever_happens_ends_in_one_line(monkeypatch, error, status, said):
    done = failing(monkeypatch, error)
    assert done.status == status
    assert said in done.error and "Traceback" not in done.stderr


def test_debug_shows_the_traceback(monkeypatch):
    def fail(*_, **__):
        raise ValueError("inner")

    monkeypatch.setattr("scartools.files.inspection.inspect", fail)
    done = run_inside("check", "a.nii.gz", "--debug")
    assert done.status == 1 and "Traceback" in done.stderr and "in fail" in done.stderr


def test_a_reader_that_goes_away_is_met_quietly(cohort):
    table = cohort / "participants.tsv"
    reading, writing = os.pipe()
    os.close(reading)  # nobody reads
    call = [sys.executable, "-m", "scartools", "check", "--json", table]
    done = subprocess.run(call, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode == 1
    assert (
        "Traceback" not in done.stderr and "Exception ignored" not in done.stderr and "error" not in done.stderr
    )


def test_progress_in_a_log_is_plain_and_grows_rarer(monkeypatch, capsys):
    clock = iter(range(10000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    streams.start_talk("scartools x", quiet=False, verbose=False)
    assert list(streams.track(range(100), "cases")) == list(range(100))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"scartools x: cases: {n} of 100 after {n} s" for n in (5, 10, 20, 40, 80)]


def test_progress_is_silent_when_quiet(capsys):
    streams.start_talk("scartools x", quiet=True, verbose=False)
    assert list(streams.track(range(3), "cases")) == [0, 1, 2]
    logging.getLogger("scartools.x").info("fact")
    logging.getLogger("scartools.x").warning("doubt")
    assert capsys.readouterr().err == "scartools x: warning: doubt\n"


def test_progress_on_a_terminal_is_a_bar_on_stderr():
    try:
        ours, theirs = os.openpty()
    except OSError as error:
        pytest.skip(f"this machine gives no pseudo-terminal: {error}")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    script = "from scartools.cli import streams; streams.start_talk('x', quiet=False, verbose=False); "
    script += "list(streams.track(range(3), 'cases'))"
    done = subprocess.run([sys.executable, "-c", script], stderr=theirs, stdout=subprocess.PIPE, check=True)
    shown = os.read(ours, 100_000).decode() if select.select([ours], [], [], 10)[0] else ""
    os.close(ours)
    os.close(theirs)
    assert "0/3" in shown and "cases" in shown and done.stdout == b""


LONG = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from scartools.cli import signals
    from scartools.errors import StoppedOnRequest
    def steps():
        with signals.stop_requests() as stop:
            Path("started").touch()
            for step in range(2000):
                time.sleep(0.01)
                if stop:
                    Path("checkpoint").write_text(str(step))
                    raise StoppedOnRequest("a checkpoint was written", remedy="Run the same command again")
    import scartools.files.inspection as inspection
    inspection.inspect = lambda *_, **__: steps()
    from scartools.cli.run import main
    sys.exit(main(["check", "x"]))
    """
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT], ids=lambda n: n.name)
def test_a_stop_request_ends_long_work_at_a_checkpoint_with_75(tmp_path, number):
    work = subprocess.Popen(
        [sys.executable, "-c", LONG],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    while not (tmp_path / "started").exists():
        assert work.poll() is None, work.stderr.read()
        time.sleep(0.01)
    work.send_signal(number)
    assert work.wait(timeout=30) == 75
    assert (tmp_path / "checkpoint").exists()
    assert "Run the same command again" in work.stderr.read()


def test_a_second_signal_leaves_at_once():
    with pytest.raises(signals.Terminated), signals.stop_requests() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop
        os.kill(os.getpid(), signal.SIGTERM)


def test_the_handlers_are_put_back():
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    with signals.stop_requests():
        pass
    assert before == [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]


def test_the_threads_of_blas_are_bounded_before_numpy_is_loaded(tmp_path):
    code = (
        "import os, sys; import scartools.files.inspection as i; "
        "i.inspect = lambda *a, **k: print(os.environ['OMP_NUM_THREADS'], 'numpy' in sys.modules); "
        "from scartools.cli.run import main; main(['check', 'x', '--threads', '3'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "False"]


def test_a_double_dash_ends_the_options():
    done = run_inside("check", "--", "--json")
    assert done.status == 3 and done.stdout == "" and "--json: does not exist" in done.error


def test_a_sidecar_that_is_an_input_is_not_overwritten(cohort, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "a.json"
    table.write_text("level\tregion\tscar_percent\nsegment\t1\t1\n")
    done = run_inside("bullseye", table, "-o", "a.png", "--force")
    assert done.status == 2 and "replace the input" in done.error
    assert table.read_text().startswith("level")


@pytest.mark.parametrize("text", ["abc", "²", "1700000000000", "-1", "1.5"])
def test_a_senseless_epoch_is_named(monkeypatch, text):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    done = run_inside("check", "x")
    assert done.status == 2 and "SOURCE_DATE_EPOCH" in done.error


def test_nohup_is_honoured():
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from scartools.cli import signals; "
        "signals.install(); print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_second_signal_does_not_break_the_clean_up(tmp_path):
    code = textwrap.dedent(
        """
        import os, signal, sys, time
        from pathlib import Path
        from scartools.cli import signals
        from scartools.files import atomic
        signals.install()
        def write(path):
            path.write_text("half")
            os.kill(os.getpid(), signal.SIGINT)
        real = atomic.shutil.rmtree
        def slow(*a, **k):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)
            real(*a, **k)
        atomic.shutil.rmtree = slow
        try:
            atomic.publish(Path("a.tsv"), write)
        except KeyboardInterrupt:
            sys.exit(130)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode == 130 and list(tmp_path.iterdir()) == []
