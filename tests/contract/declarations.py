"""Every command as the contract tests see it: read from the declarations, so that a new one is caught by itself."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

import typer.main

from scartools.cli import app
from scartools.cli.contracts import Reads, Writes
from scartools.cli.run import file_marks
from scartools.files.checkpoint import checkpoint_path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import manpages


@dataclass(frozen=True)
class Declared:
    """One command that can be run: `aha17`, or a member of a family such as `simulate cohort`."""

    words: tuple[str, ...]
    module: ModuleType
    function: FunctionType

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @cached_property
    def marks(self) -> dict[str, Reads | Writes]:
        return file_marks(get_type_hints(self.function, include_extras=True))

    @property
    def outputs(self) -> dict[str, Writes]:
        return {name: mark for name, mark in self.marks.items() if isinstance(mark, Writes)}

    @cached_property
    def parameters(self) -> list:
        """The parameters as Typer resolved them."""
        command = resolved_table().commands[self.words[0]]
        if len(self.words) > 1:
            command = command.commands[self.words[1]]
        return [parameter for parameter in command.params if parameter.name != "help"]

    @property
    def flags(self) -> set[str]:
        return {flag for parameter in self.parameters for flag in parameter.opts if flag.startswith("-")}

    @cached_property
    def examples(self) -> list[str]:
        """The lines of EXAMPLES, in order."""
        text = manpages.split_page(self.module.__doc__ or "")[1]["EXAMPLES"]
        return [line.strip() for line in text.splitlines() if line.startswith("    ")]

    @property
    def setup(self) -> list[list[str]]:
        """The arguments of the runs that come before this command's own first example."""
        return [shlex.split(line)[1:] for line in self.examples[: self.examples.index(self._own_line)]]

    @property
    def example(self) -> list[str]:
        """The arguments of this command's own first example, without `scartools`."""
        return shlex.split(self._own_line)[1:]

    @property
    def _own_line(self) -> str:
        start = f"scartools {self.name} "
        return next(line for line in self.examples if line.startswith(start) and "|" not in line)


@cache
def resolved_table() -> Any:
    """Return the whole command table as Typer resolves it: a tenth of a second, once."""
    return typer.main.get_command(app.table())


def _all() -> list[Declared]:
    found = []
    for name in app.COMMANDS:
        module = app.module_of(name)
        members = getattr(module, "SUBCOMMANDS", None)
        if members:
            found += [Declared((name, m.__name__.replace("_", "-")), module, m) for m in members]
        else:
            found.append(Declared((name,), module, getattr(module, name.replace("-", "_"))))
    return found


COMMANDS = _all()
WRITING = [command for command in COMMANDS if command.outputs]


def ids(command: Declared) -> str:
    """Name a command in pytest's output."""
    return command.name.replace(" ", "-")


def output_of(arguments: list[str]) -> Path:
    """Return what follows -o in an example."""
    return Path(arguments[arguments.index("-o") + 1])


def with_output(arguments: list[str], output: Path) -> list[str]:
    """Return an example with another output."""
    position = arguments.index("-o") + 1
    return [*arguments[:position], str(output), *arguments[position + 1 :]]


@dataclass(frozen=True)
class Varied:
    """One input of a command in one of its examples: the runs before it, the arguments, where the input stands."""

    before: tuple[tuple[str, ...], ...]
    arguments: tuple[str, ...]
    position: int
    kind: str


def varied_inputs(command: Declared) -> list[Varied]:
    """Return every input a command can take, each in the first example that has it.

    An input option that no example uses is added to the last one, in the place of a file that will be bad anyway.
    """
    found: dict[tuple[str, str], Varied] = {}
    before: list[tuple[str, ...]] = []
    last: Varied | None = None
    for line in command.examples:
        words = tuple(shlex.split(line)[1:])
        if any(mark in line for mark in "|&*") or not line.startswith("scartools "):
            continue
        if words[: len(command.words)] == command.words:
            for position, kind in input_positions(command, list(words)):
                flag = words[position - 1] if words[position - 1].startswith("--") else ""
                found.setdefault((flag, kind), Varied(tuple(before), words, position, kind))
            last = Varied(tuple(before), words, -1, "")
        before.append(words)
    for parameter in command.parameters:
        mark = command.marks.get(parameter.name)
        flag = next((flag for flag in parameter.opts if flag.startswith("--")), "")
        if isinstance(mark, Reads) and flag and last and (flag, mark.contract) not in found:
            words = (*last.arguments, flag, "cohort/truth/sim-0001/segmentation.nii.gz")
            found[flag, mark.contract] = Varied(last.before, words, len(words) - 1, mark.contract)
    return list(found.values())


def input_positions(command: Declared, words: list[str] | None = None) -> list[tuple[int, str]]:
    """Return where in an example (by default its first) a command names an input file, with the kind of file it is."""
    by_flag = {
        flag: mark.contract
        for parameter in command.parameters
        if isinstance(mark := command.marks.get(parameter.name), Reads)
        for flag in parameter.opts
        if flag.startswith("-")  # an argument's own name may stand in an example as a file
    }
    positional = [
        command.marks[p.name].contract
        for p in command.parameters
        if p.param_type_name == "argument" and isinstance(command.marks.get(p.name), Reads)
    ]
    found, words = [], command.example if words is None else words
    given = 0
    valued = {flag for p in command.parameters if not getattr(p, "is_flag", False) for flag in p.opts}
    position = len(command.words)
    while position < len(words):
        word = words[position]
        if word in by_flag:
            found.append((position + 1, by_flag[word]))
        if word.startswith("-"):
            position += 2 if word in valued else 1
            continue
        if positional:
            found.append((position, positional[min(given, len(positional) - 1)]))  # the last may repeat
            given += 1
        position += 1
    return found


def left_by_a_kill(command: Declared, output: Path) -> set[str]:
    """Return what a run that was killed while it published may leave: for a training, its checkpoint; else nothing."""
    if command.module.KIND != "training":
        return set()
    state = checkpoint_path(output)
    return {str(path) for path in (output, state.parent, state)}
