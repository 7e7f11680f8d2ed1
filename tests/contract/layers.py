"""Which package of the project may import which, as rules that a test applies to the source."""

from __future__ import annotations

import ast
from pathlib import Path

LIBRARY = ("ecg", "heart", "network", "learning", "evaluation", "simulation")
TALKING = ("typer", "rich", "tqdm")  # only cli and commands talk to a person
HEAVY = frozenset(
    [
        "torch",
        "numpy",
        "scipy",
        "nibabel",
        "cv2",
        "matplotlib",
        "pandas",
        "neurokit2",
        "wfdb",
        "pydicom",
        "pypdfium2",
        "safetensors",
    ]
)


def imported_names(source: str) -> set[str]:
    """Return every module that a source file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add("scartools.relative")  # names hide in them: write the whole name
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def violations(package: str, source: str) -> list[str]:
    """Return what a file of a package (`heart`, `files`, `cli` ...) imports and may not."""
    ours = {
        name.split(".")[1] for name in imported_names(source) if name.startswith("scartools.") and "." in name
    }
    foreign = {name.split(".")[0] for name in imported_names(source)}
    upward = {
        "files": {"cli", "commands", "figures", *LIBRARY},
        "cli": set(LIBRARY),
        "figures": {"cli", "commands", "files", *LIBRARY},  # below them all: it knows how to write, not what
        "commands": set(),
    }.get(package, {"cli", "commands", "files"})
    if package == "network":
        upward |= {"figures", *LIBRARY} - {"network"}
    upward |= {"relative"}
    bad = [f"{package} imports scartools.{name}" for name in sorted(ours & upward)]
    if package in (*LIBRARY, "files", "figures"):
        bad += [f"{package} imports {name}" for name in TALKING if name in foreign]
    if package == "network":
        bad += [f"network imports {name}" for name in sorted((foreign & HEAVY) - {"torch"})]
    return bad


def sources(root: Path) -> list[tuple[str, Path]]:
    """Return every source file of the package with the sub-package it belongs to."""
    return [
        (path.relative_to(root).parts[0].removesuffix(".py"), path)
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in ("__init__.py", "__main__.py", "errors.py")
    ]
