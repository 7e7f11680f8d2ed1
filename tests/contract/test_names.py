"""One name everywhere: the command, its module, its test file, its man page and its README row."""

from __future__ import annotations

import re

import pytest

from scartools.cli import app
from tests.conftest import ROOT
from tests.contract.declarations import COMMANDS, Declared, ids


def test_the_table_lists_every_module_and_nothing_else():
    folder = ROOT / "scartools/commands"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    modules |= {
        path.parent.name for path in folder.glob("*/__init__.py")
    }  # a family, a file for each of its words
    assert {name.replace("-", "_") for name in app.COMMANDS} == modules


def test_every_command_has_one_test_file_and_no_test_file_is_orphaned():
    files = {path.stem.removeprefix("test_") for path in (ROOT / "tests/commands").glob("test_*.py")}
    assert {name.replace("-", "_") for name in app.COMMANDS} == files


def test_every_command_has_one_man_page_and_no_page_is_orphaned():
    pages = {path.name for path in (ROOT / "man").glob("*.[0-9]")}
    assert pages == {f"scartools-{name}.1" for name in app.COMMANDS} | {"scartools.1", "scartools-formats.5"}


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_readme_has_a_row_for_the_command(name):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{name}` \|", readme, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_the_command_declares_what_a_second_run_gives(command: Declared):
    assert command.module.KIND in ("exact", "network", "training")


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_the_page_has_an_example_of_the_command_itself(command: Declared):
    assert command.example[: len(command.words)] == list(command.words)
