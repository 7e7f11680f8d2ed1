"""Run one command and turn whatever happens into one line on stderr and an exit status.

This is the only place where errors become statuses, where signals are met, and where stdout is closed.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from typer.exceptions import TyperException
from typer.models import ParameterInfo

from scartools.cli import resources, signals, streams
from scartools.cli.contracts import CONTRACTS, Reads, Writes
from scartools.cli.options import COMMON, NOT_PARAMETERS
from scartools.errors import ExitStatus, InputError, OutputError, ScartoolsError, UsageError
from scartools.files import atomic, provenance

Command = Callable[..., Mapping[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `scartools` with these arguments (default: those of the process) and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = given[: given.index("--")] if "--" in given else given
    name, message, facts = "scartools", "", {}
    try:
        signals.install()
        streams.require_streams()
        name = " ".join([name, *_command_words(given)])
        status = _run_table(given)
        sys.stdout.flush()
    except ScartoolsError as error:
        status, message, facts = error.status, str(error), error.facts
        _show_traceback(options)
    except TyperException as error:
        status, message = ExitStatus.USAGE, _usage_message(error, name, options)
    except KeyboardInterrupt:
        status, message = ExitStatus.INTERRUPTED, "interrupted; what was not complete was removed"
    except signals.Terminated:
        status, message = ExitStatus.TERMINATED, "terminated; what was not complete was removed"
    except BrokenPipeError:  # the reader of our stdout has gone, as in `| head`: no message is due
        status = ExitStatus.FAILURE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        status, message = ExitStatus.FAILURE, f"{where}{error.strerror or error}."
        _show_traceback(options)
    except MemoryError:
        status, message = ExitStatus.FAILURE, "out of memory. Crop the volume, or use fewer --threads."
        _show_traceback(options)
    except Exception as error:  # noqa: BLE001 - the last net: an unexpected failure is status 1 and one line
        status = ExitStatus.FAILURE
        message = " ".join(f"unexpected failure: {type(error).__name__}: {error}".split())
        message += ". Run again with --debug and report the traceback."
        _show_traceback(options)
    if message:
        streams.say(name, f"error: {message}")
        if "--json" in options:
            words = name.removeprefix("scartools").strip()
            _print_failure({"Command": words, "ExitStatus": int(status), "Error": message, **facts})
    return _close_stdout(int(status))


def declared(command: Command) -> Callable[..., None]:
    """Return the function that Typer registers for a command: the same, with COMMON added and `execute` around it."""
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in {common.name for common in COMMON}  # a command that wants --threads itself is given it
    ]
    for (
        parameter
    ) in own:  # whether a file can be read is answered by _check_input, as bad input and not as usage
        for mark in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(mark, ParameterInfo):
                mark.readable = False
    own.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)

    def registered(**given: Any) -> None:
        common = {parameter.name: given.pop(parameter.name) for parameter in COMMON}
        execute(command, hints, given, **common)

    registered.__name__ = command.__name__
    registered.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own, *COMMON], return_annotation=inspect.Signature.empty
    )
    registered.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *COMMON]}
    return registered


def execute(
    command: Command,
    hints: Mapping[str, Any],
    given: dict[str, Any],
    *,
    threads: int | None,
    json: bool,
    quiet: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Check the paths, set the scene, call the command, and say what it found."""
    name = full_name(command)
    # of several processes that train one network the first one talks, prints and writes
    follows = _kind_of(command) == "training" and resources.place_among_processes()[0] > 0
    talk = streams.start_talk(f"scartools {name}", quiet=quiet or follows, verbose=verbose and not follows)
    count = resources.threads_to_use(threads)
    shares_threads = "threads" in inspect.signature(command).parameters  # it runs that many items side by side
    resources.limit_threads(1 if shares_threads else count)
    resources.leave_no_compiler_cache()
    _check_numbers(hints, given)
    _check_paths(hints, given)
    _check_epoch()
    kept_out = NOT_PARAMETERS if _kind_of(command) == "exact" else NOT_PARAMETERS - {"device", "threads"}
    parameters = {key: value for key, value in {**given, "threads": count}.items() if key not in kept_out}
    provenance.running.set(provenance.Running(name, parameters, given.get("seed")))
    call = {**given, "threads": count} if shares_threads else given
    if json and given.get("output") == Path("-"):
        raise UsageError("--json and -o - both want stdout", remedy="Use one of them")
    facts = command(**call)
    if json and not follows:
        streams.print_json({"Command": name, **facts, "Warnings": talk.warnings})


def full_name(command: Command) -> str:
    """Return the words that call a command: `aha17`, or `simulate cohort` for a member of a family."""
    family = _module_of(command).rsplit(".", 1)[-1].replace("_", "-")
    own = command.__name__.replace("_", "-")
    return own if own == family else f"{family} {own}"


def flag_of(name: str, hint: Any) -> str:
    """Return the long flag of an option: the one that is declared, or that of its parameter's name."""
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, ParameterInfo):  # in Annotated, Typer takes the first flag for a default
            for word in (mark.default, *(mark.param_decls or ())):
                if isinstance(word, str) and word.startswith("--"):
                    return word.partition("/")[0]
    return "--" + name.replace("_", "-")


def file_marks(hints: Mapping[str, Any]) -> dict[str, Reads | Writes]:
    """Return the parameters of a command that are files, with their contracts."""
    marks = {}
    for name, hint in hints.items():
        for mark in getattr(hint, "__metadata__", ()):
            if isinstance(mark, Reads | Writes):
                marks[name] = mark
    return marks


def _kind_of(command: Command) -> str:
    return str(sys.modules[_module_of(command)].KIND)


def _module_of(command: Command) -> str:
    """Return the module that the table names: that of the family, where each of its words has a file of its own."""
    own = command.__module__
    return ".".join(own.split(".")[:3]) if own.startswith("scartools.commands.") else own


def _run_table(given: list[str]) -> int:
    from scartools.cli.app import COMMANDS, table

    app = table(given[:1]) if given and given[0] in COMMANDS else table()
    if not given:
        app(["--help"], standalone_mode=False, prog_name="scartools")
        raise UsageError("no command given", remedy="Choose one of those above")
    result = app(given, standalone_mode=False, prog_name="scartools")
    if result == ExitStatus.INTERRUPTED:  # Typer has met the KeyboardInterrupt first
        raise KeyboardInterrupt
    return int(result) if isinstance(result, int) else ExitStatus.DONE


def _command_words(given: Sequence[str]) -> list[str]:
    from scartools.cli.app import COMMANDS, words_after

    if not given or given[0] not in COMMANDS:
        return []
    return [given[0], *([given[1]] if len(given) > 1 and given[1] in words_after(given[0]) else [])]


def _usage_message(error: TyperException, name: str, options: Sequence[str]) -> str:
    """Return what Typer says in one line, with the value that was given, which it leaves out."""
    text = " ".join(str(error.format_message()).split()).rstrip(".")
    flag = re.search(r"'(--[a-z-]+)'", text)
    given = _value_of(flag.group(1), options) if flag else None
    got = f" (given: {given!r})" if given is not None and given not in text else ""
    return f"{text[:1].lower()}{text[1:]}{got}. See '{name} --help'."


def _value_of(flag: str, options: Sequence[str]) -> str | None:
    for word, following in zip(options, [*options[1:], None], strict=True):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None


def _check_numbers(hints: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse nan, which lies in every range: no comparison with a bound is false for it."""
    for name, value in given.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(number, float) and math.isnan(number) for number in numbers):
            raise UsageError(
                f"{flag_of(name, hints[name])} 'nan' is no number", remedy="Give a number, or leave it out"
            )


def _check_paths(hints: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse missing inputs and unusable outputs before anything heavy is loaded."""
    marks = file_marks(hints)
    inputs: list[Path] = []
    for name, mark in marks.items():
        if not isinstance(mark, Reads) or given.get(name) is None:
            continue
        value = given[name]
        for path in value if isinstance(value, list | tuple) else [value]:
            _check_input(path, mark)
            inputs.append(path)
    for name, mark in marks.items():
        if isinstance(mark, Writes) and given.get(name) is not None:
            place = {"force": bool(given.get("force")), "resumable": "resume" in given}
            _check_output(given[name], mark, inputs, option=name, **place)


def _check_epoch() -> None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    # eleven digits reach the year 5138; more are milliseconds
    if epoch and not re.fullmatch(r"[0-9]{1,11}", epoch):
        raise UsageError(
            f"SOURCE_DATE_EPOCH={epoch!r} is not a number of seconds since 1970", remedy="Unset it"
        )


def _check_input(path: Path, mark: Reads) -> None:
    contract = CONTRACTS[mark.contract]
    if mark.contract == "any":  # `check` reports on each file by itself
        return
    if path == Path("-"):
        if contract.stream:
            return
        raise InputError(
            f"a {mark.contract} must be a named file and cannot come from stdin",
            where="-",
            remedy="Give its path",
        )
    try:
        there = path.exists()
    except OSError as error:  # a name too long, for instance
        raise InputError(
            f"cannot be looked up ({error.strerror})", where=path, remedy="Check the path"
        ) from error
    if not there:
        raise InputError("does not exist", where=path, remedy="Check the path")
    if path.is_dir() and not contract.folder:
        raise InputError("is a folder where a file is due", where=path, remedy=f"Name the {mark.contract} file")
    if not path.is_dir() and not path.is_file():
        raise InputError("is neither a file nor a folder", where=path, remedy="Give a regular file")
    if not os.access(path, os.R_OK):
        raise InputError("may not be read", where=path, remedy="Check its permissions")
    named = path.name.lower() if contract.folder else path.name
    if (
        contract.suffixes
        and not path.is_dir()
        and not named.endswith(contract.suffixes)
        and not contract.stream
    ):
        raise InputError(
            f"is not named {' or '.join('*' + suffix for suffix in contract.suffixes)}, as a {mark.contract} is",
            where=path,
            remedy="Check which file this is",
        )


def _check_output(
    path: Path, mark: Writes, inputs: Sequence[Path], *, option: str, force: bool, resumable: bool
) -> None:
    contract = CONTRACTS[mark.contract]
    if path == Path("-"):
        if contract.stream:
            return
        raise UsageError(f"--{option} -: this output cannot go to stdout", remedy="Give a path")
    if contract.filled and not path.suffix and path.name:
        atomic.require_folder_to_fill(path)
        return
    if contract.suffixes and (not path.name.endswith(contract.suffixes) or path.name in contract.suffixes):
        raise UsageError(
            f"--{option} {path}: a {mark.contract} is named {' or '.join('*' + s for s in contract.suffixes)}"
        )
    if not path.name:
        raise UsageError(f"--{option} {path} has no name to write under", remedy="Choose another --output")
    written = {
        path.absolute(),
        provenance.sidecar_path(path).absolute(),
        provenance.provenance_path(path).absolute(),
    }
    for other in inputs:
        if other.absolute() in written or (path.exists() and other.exists() and path.samefile(other)):
            raise UsageError(
                f"--{option} {path} would replace the input {other}", remedy="Choose another --output"
            )
    atomic.require_place(path, force=force, folder=contract.folder, resumable=resumable)


def _print_failure(facts: Mapping[str, Any]) -> None:
    try:
        streams.print_json(facts)
    except (OutputError, BrokenPipeError) as error:  # stdout itself is what failed: stderr has said so
        streams.say("scartools", f"the same could not be printed as JSON: {error}")


def _show_traceback(options: Sequence[str]) -> None:
    if "--debug" in options:
        traceback.print_exc()


def _close_stdout(status: int) -> int:
    """Flush and close stdout so that a full disk or a closed pipe is not mistaken for success."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit
        return status or ExitStatus.FAILURE
    except OSError as error:
        streams.say("scartools", f"error: standard output cannot be written: {error.strerror}.")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status or int(OutputError.status)
    return status
