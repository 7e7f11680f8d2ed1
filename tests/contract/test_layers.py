"""Imports point down, nothing heavy is loaded at the start, and no file hides behind a name that says nothing."""

from __future__ import annotations

import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from scartools.cli import app
from tests.conftest import ROOT
from tests.contract.layers import HEAVY, imported_names, sources, violations

PACKAGE = ROOT / "scartools"


@pytest.mark.parametrize(("package", "path"), sources(PACKAGE), ids=lambda value: getattr(value, "name", value))
def test_imports_point_down(package, path):
    assert violations(package, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("heart", "from scartools.files import volume"),
        ("heart", "def f():\n    import typer"),
        ("files", "from scartools.heart.segments import label_segments"),
        ("simulation", "import scartools.cli.run"),
        ("network", "import scipy"),
        ("heart", "from ..files import volume"),
        ("figures", "def f():\n    from scartools.heart.bullseye import draw_bullseye"),
        ("figures", "from scartools.files import atomic"),
        ("figures", "import rich"),
        ("network", "from scartools.figures import settled_style"),
        ("files", "from scartools.figures import figure_bytes"),
    ],
)
def test_the_rule_bites(package, source):
    assert violations(package, source)


def test_there_are_no_circles():
    graph = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(("scartools", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        graph[name] = path
    edges = {
        name: {other for other in imported_names(path.read_text(encoding="utf-8")) if other in graph} - {name}
        for name, path in graph.items()
    }
    # the command table and the runner know each other: app registers through run, run fetches the table when it starts
    edges["scartools.cli.run"] -= {"scartools.cli.app"}
    assert list(TopologicalSorter(edges).static_order())


@pytest.mark.parametrize(
    "module",
    [
        "scartools.cli.app",
        "scartools.cli.run",
        *[f"scartools.commands.{n.replace('-', '_')}" for n in app.COMMANDS],
    ],
)
def test_the_start_is_light(module):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_names_say_what_a_file_holds():
    empty_names = {"utils", "helpers", "common", "misc", "tools", "base"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.stem in empty_names]


@pytest.mark.parametrize("path", [path for _, path in sources(PACKAGE)], ids=lambda path: path.name)
def test_no_file_outgrows_a_reader(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
