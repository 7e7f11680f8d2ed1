"""The man pages are what the code says, groff likes them, and every example in them runs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.contract.declarations import COMMANDS, Declared, ids, manpages
from tests.contract.prepared import prepare

# a family has one page for all its words
PAGES = list({one.module: one for one in reversed(COMMANDS)}.values())


@cache
def pages() -> dict[str, str]:
    """Return every page as the declarations make it."""
    return manpages.pages()


def test_the_committed_pages_are_fresh():
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "man").glob("*.[0-9]")}
    assert pages() == committed, "run: make docs"


def test_groff_has_nothing_to_say():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/check_troff.py"], capture_output=True, text=True, check=False
    )
    if "SKIPPED" in done.stderr and not os.environ.get("CI"):
        pytest.skip("groff is not installed")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_every_option_stands_in_the_page(command: Declared):
    page = pages()[f"scartools-{command.words[0]}.1"].replace("\\-", "-")
    assert [flag for flag in command.flags if f"\\fB{flag}\\fR" not in page] == []


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_the_page_has_its_sections_in_order(command: Declared):
    page = pages()[f"scartools-{command.words[0]}.1"]
    wanted = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "INPUT FILES",
        "OUTPUT FILES",
        "EXIT STATUS",
        "ENVIRONMENT",
        "EXAMPLES",
        "SEE ALSO",
    ]
    places = [page.index(f".SH {heading}") for heading in wanted]
    assert places == sorted(places)


def run_script(lines: list[str], programs: Path) -> None:
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    script = "set -eu\n" + "\n".join(lines) + "\n"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", PAGES, ids=ids)
def test_the_examples_run_as_written(command: Declared, workspace: Path, forked_programs: Path):
    prepare((), workspace)
    run_script(command.examples, forked_programs)


INSTALLED = [one for one in PAGES if one.name in ("check", "pair")]
assert len(INSTALLED) == 2


@pytest.mark.parametrize("command", INSTALLED, ids=ids)
def test_the_examples_run_with_the_installed_scartools(command: Declared, workspace: Path):
    scripts = Path(sys.executable).parent
    if not (scripts / "scartools").exists():
        pytest.skip("scartools is not installed beside this Python")
    run_script(command.examples, scripts)
