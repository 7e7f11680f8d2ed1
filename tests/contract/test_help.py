"""Help, version, and options that mean the same wherever they stand."""

from __future__ import annotations

from collections import defaultdict
from typing import get_args, get_type_hints

import pytest

from scartools import __version__
from scartools.cli import app
from tests.conftest import run_inside, run_process
from tests.contract.declarations import COMMANDS, Declared, ids


def test_version_is_one_line_that_a_workflow_can_parse():
    done = run_process("-V")
    assert (done.status, done.stdout, done.stderr) == (0, f"scartools {__version__}\n", "")


def test_no_command_shows_the_list_and_is_a_usage_error():
    done = run_inside()
    assert done.status == 2
    assert all(name in done.stdout for name in app.COMMANDS)
    assert "no command given" in done.error


def test_an_unknown_command_is_a_usage_error_with_a_suggestion():
    done = run_inside("aha71")
    assert done.status == 2
    assert "aha17" in done.error


@pytest.mark.parametrize("words", [(), *[command.words for command in COMMANDS]], ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_goes_to_stdout_and_fits_a_terminal(words, flag):
    done = run_inside(*words, flag)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('scartools', *words))}")
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("    scartools ")) <= 100


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_without_arguments_it_says_in_one_line_what_is_missing(command: Declared):
    done = run_inside(*command.words)
    assert (done.status, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"scartools {command.name}: error: " in done.error
    assert "--help" in done.error or "--list" in done.error


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_an_unknown_option_is_a_usage_error(command: Declared):
    done = run_inside(*command.example, "--no-such-option")
    assert done.status == 2
    assert "--no-such-option" in done.error


def test_an_option_means_the_same_in_every_command():
    meaning = defaultdict(set)
    shared = [
        "--output",
        "--force",
        "--skip-existing",
        "--quiet",
        "--verbose",
        "--debug",
        "--json",
        "--seed",
        "--threads",
        "--device",
        "--resume",
        "--shard",
        "--list",
        "--labels",
        "--spacing-from",
    ]
    for command in COMMANDS:
        for parameter in command.parameters:
            for flag in set(parameter.opts) & set(shared):
                meaning[flag].add((tuple(parameter.opts), parameter.help, parameter.metavar, parameter.is_flag))
    assert {flag: texts for flag, texts in meaning.items() if len(texts) > 1} == {}


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_every_option_has_a_help_text_and_the_common_ones_are_there(command: Declared):
    assert {"--threads", "--json", "--quiet", "--verbose", "--debug"} <= command.flags
    assert [parameter.name for parameter in command.parameters if not parameter.help] == []
    if command.outputs:
        assert {"--output", "--force"} <= command.flags


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_what_is_no_number_is_a_usage_error_that_names_the_option(command: Declared):
    hints = get_type_hints(command.function, include_extras=True)
    kinds = {name: str(get_args(hint)[0]) for name, hint in hints.items() if get_args(hint)}
    for name in (name for name, kind in kinds.items() if "float" in kind):
        (flag,) = next(parameter.opts for parameter in command.parameters if parameter.name == name)[:1]
        done = run_inside(*command.example, flag, "nan")
        assert done.status == 2 and flag in done.error and "nan" in done.error, done.stderr
