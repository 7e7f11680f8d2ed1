"""The command table: every subcommand, in the order of the help, and how Typer comes to know it.

A command is the module `scartools/commands/NAME.py` with a function of the same name, or, for a family such as
`simulate`, a folder with a file for each word of its tuple SUBCOMMANDS. Nothing heavy is imported here or there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Annotated

import typer

from scartools import __version__
from scartools.cli.run import declared

COMMANDS = (
    "digitize-ecg",
    "median-beat",
    "pair",
    "aha17",
    "quantify",
    "bullseye",
    "preprocess",
    "pretrain-ecg",
    "train",
    "predict",
    "evaluate",
    "simulate",
    "check",
    "import-nnunet",
)  # in the order of the help

_HELP = "From a paper ECG and an LGE stack to a scar map that can be trusted, one plain file at a time."
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def table(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the Typer application with these commands registered; one that is asked for is sooner ready alone."""
    app = _typer(help=_HELP, epilog="Research use only. More: man scartools, man scartools-COMMAND.")
    app.callback()(_top)
    for name in names:
        module = module_of(name)
        if hasattr(module, "SUBCOMMANDS"):
            family = _typer(help=summary(module))
            family.callback()(_family)
            for command in module.SUBCOMMANDS:
                word = command.__name__.replace("_", "-")
                family.command(word, help=_subcommand_help(command, f"{name} {word}"))(declared(command))
            app.add_typer(family, name=name, short_help=summary(module))
        else:
            command = getattr(module, name.replace("-", "_"))
            app.command(name, help=_command_help(module, name), short_help=summary(module))(declared(command))
    return app


def module_of(name: str) -> ModuleType:
    """Return the module of a command: `median-beat` is scartools.commands.median_beat."""
    return import_module(f"scartools.commands.{name.replace('-', '_')}")


def families() -> dict[str, tuple[str, ...]]:
    """Return each command with the words that may follow it (none for a plain command)."""
    return {name: words_after(name) for name in COMMANDS}


def words_after(name: str) -> tuple[str, ...]:
    """Return the words that may follow a command."""
    return tuple(command.__name__.replace("_", "-") for command in getattr(module_of(name), "SUBCOMMANDS", ()))


def summary(module: ModuleType) -> str:
    """Return the first line of a command's page."""
    return (module.__doc__ or "").strip().splitlines()[0]


def _typer(help: str, epilog: str | None = None) -> typer.Typer:
    return typer.Typer(
        help=help,
        epilog=epilog,
        rich_markup_mode=None,  # plain text: stable in scripts and man pages, and half the start-up
        pretty_exceptions_enable=False,  # locals in a traceback may hold patient data
        pretty_exceptions_show_locals=False,
        no_args_is_help=False,
        context_settings=_SETTINGS,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scartools {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "-V", "--version", help="Print the version and leave.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Hold the options of `scartools` itself."""


def _family() -> None:
    """Hold the subcommands of a family; without a callback Typer would fold a single one into its parent."""


def _command_help(module: ModuleType, name: str) -> str:
    page = (module.__doc__ or "").strip()
    examples = [line.strip() for line in page.split("\nEXAMPLES\n", 1)[-1].splitlines()]
    example = next(line for line in examples if line.startswith(f"scartools {name} "))
    description = page.split("\n\n")[1] if "\n\n" in page else ""
    return f"{summary(module)}\n\n{_flat(description)}\n\n\b\nExample:\n  {example}\n\nManual: man scartools-{name}"


def _subcommand_help(command: object, words: str) -> str:
    text = textwrap.dedent(command.__doc__ or "").strip()
    return f"{text}\n\nManual: man scartools-{words.split()[0]}"


def _flat(text: str) -> str:
    return " ".join(text.split())
