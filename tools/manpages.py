"""Make the man pages from what the commands declare: `python tools/manpages.py` writes them, `--check` compares.

The text of a page is the docstring of its command's module; options, defaults, files and exit statuses come
from the declarations, so that they cannot drift apart.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

os.environ.update(COLUMNS="80", NO_COLOR="1", TERM="dumb")  # help text must not depend on the terminal

import typer.main

from scartools import __version__
from scartools.cli import app
from scartools.cli.contracts import CONTRACTS, Reads, Writes
from scartools.cli.options import COMMON
from scartools.cli.run import file_marks, get_type_hints
from scartools.errors import ExitStatus
from scartools.files.labels import NAMES, SCHEMES, Scheme

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "man"
STATUS_TEXT = {
    ExitStatus.DONE: "Done, or nothing to do.",
    ExitStatus.FAILURE: "Unexpected failure, or an output that cannot be written (disk full, read-only folder).",
    ExitStatus.USAGE: "Wrong option, value or combination; missing argument.",
    ExitStatus.BAD_INPUT: "An input is missing, unreadable, or not what its contract says.",
    ExitStatus.EXISTS: "The output exists and \\-\\-force was not given.",
    ExitStatus.ITEMS_FAILED: "Some items failed, the others are done.",
    ExitStatus.STOPPED: "Stopped on request after a checkpoint: run the same command again.",
    ExitStatus.INTERRUPTED: "Interrupted (SIGINT); nothing was left behind.",
    ExitStatus.TERMINATED: "Terminated (SIGTERM); nothing was left behind.",
}
ENVIRONMENT = {
    "SCARTOOLS_THREADS": "Threads to use where --threads is not given.",
    "SLURM_CPUS_PER_TASK": "Read where neither --threads nor SCARTOOLS_THREADS is given.",
    "SOURCE_DATE_EPOCH": "Seconds since 1970 that stand for the time in provenance files.",
    "TMPDIR": "Where libraries put their scratch files; results are staged beside the output.",
}
ABOUT = """\
Composable commands for cardiac-imaging research: each reads plain files and writes plain files. Positional
arguments are inputs only; the output is named by --output, appears whole or not at all, and never replaces a file
without --force. Data go to stdout, talk to stderr. Beside every output lies X.prov.json: the command, the hashes
of what it read, its parameters and the versions of the software.

Research use only. Not a medical device; not for diagnosis or treatment.
"""
SECTIONS = ("INPUT FILES", "OUTPUT FILES", "NOTES", "EXAMPLES", "REFERENCES")


def pages() -> dict[str, str]:
    """Return every page by file name."""
    commands = typer.main.get_command(app.table()).commands
    made = {f"scartools-{name}.1": command_page(name, commands[name]) for name in app.COMMANDS}
    made["scartools.1"] = top_page()
    made["scartools-formats.5"] = formats_page()
    return made


def command_page(name: str, command: object) -> str:
    """Return the page of one command, family members included."""
    module = app.module_of(name)
    body, sections = split_page(module.__doc__ or "")
    members = getattr(module, "SUBCOMMANDS", None)
    words = {f"{name} {m.__name__.replace('_', '-')}": m for m in members} if members else {name: None}
    lines = [
        title(f"scartools-{name}", 1),
        ".SH NAME",
        f"scartools\\-{escape(name)} \\- {escape(lower(app.summary(module)))}",
    ]
    lines.append(".SH SYNOPSIS")
    leaves = {
        label: (
            command.commands[label.split()[1]] if members else command,
            member or getattr(module, name.replace("-", "_")),
        )
        for label, member in words.items()
    }
    for label, (leaf, _) in leaves.items():
        lines += [".PP", synopsis(label, leaf)]
    lines += [".SH DESCRIPTION", *markup(body)]
    for label, (leaf, function) in leaves.items():
        lines += [f".SH OPTIONS{' OF ' + label.upper() if members else ''}", *options(leaf, function)]
    marks = [
        (n, m)
        for _, function in leaves.values()
        for n, m in file_marks(get_type_hints(function, include_extras=True)).items()
    ]
    for heading, kind in (("INPUT FILES", Reads), ("OUTPUT FILES", Writes)):
        more = markup(sections[heading])
        lines += [f".SH {heading}", *files(marks, kind, bool(more)), *([".PP", *more] if more else [])]
    flags = {flag for leaf, _ in leaves.values() for parameter in leaf.params for flag in parameter.opts}
    lines += exit_status(resumable="--resume" in flags, batch="--list" in flags)
    lines += environment()
    for heading in SECTIONS[2:]:
        if sections[heading]:
            lines += [f".SH {heading}", *markup(sections[heading])]
    others = [other for other in app.COMMANDS if other != name]
    lines += [
        ".SH SEE ALSO",
        ",\n".join(f".BR scartools\\-{escape(o)} (1)" for o in others).replace(",\n", "\n"),
    ]
    lines += [
        ".BR scartools\\-formats (5)",
        ".PP",
        "Research use only. Not a medical device; not for diagnosis or treatment.",
    ]
    return "\n".join(lines) + "\n"


def top_page() -> str:
    """Return scartools(1): the list of commands, and what they have in common."""
    lines = [title("scartools", 1), ".SH NAME", "scartools \\- from a paper ECG and an LGE stack to a scar map"]
    lines += [
        ".SH SYNOPSIS",
        ".B scartools",
        ".I COMMAND",
        "[\\fIOPTIONS\\fR] \\fIINPUT\\fR... \\fB\\-o\\fR \\fIOUTPUT\\fR",
    ]
    lines += [".PP", ".B scartools \\-\\-version", ".SH DESCRIPTION"]
    lines += markup(ABOUT)
    lines.append(".SH COMMANDS")
    for name in app.COMMANDS:
        lines += [".TP", f".BR scartools\\-{escape(name)} (1)", escape(app.summary(app.module_of(name)))]
    lines += [".SH OPTIONS OF EVERY COMMAND", *(line for p in COMMON for line in common_option(p))]
    lines += exit_status(resumable=True, batch=True) + environment()
    lines += [".SH SEE ALSO", ".BR scartools\\-formats (5)"]
    return "\n".join(lines) + "\n"


def formats_page() -> str:
    """Return scartools-formats(5) from its text, with the tables filled in from the code."""
    source = (ROOT / "tools" / "formats.txt").read_text(encoding="utf-8")
    name, rest = source.split("\n\n", 1)
    lines = [title("scartools-formats", 5), ".SH NAME", f"scartools\\-formats \\- {escape(lower(name))}"]
    return "\n".join([*lines, *markup(rest)]) + "\n"


def title(name: str, section: int) -> str:
    """Return the head of a page; no date, so that the page changes only when its content does."""
    head = f'.TH "{name.upper()}" "{section}" "" "scartools {__version__}" "scartools manual"'
    return f"{head}\n.nh\n.ad l"  # no hyphens in option names, no stretched lines


def synopsis(label: str, leaf: object) -> str:
    """Return the call: arguments, required options, then the rest."""
    words = [f"\\fBscartools {escape(label)}\\fR"]
    for parameter in leaf.params:
        if parameter.param_type_name == "argument":
            word = f"\\fI{escape(parameter.metavar or parameter.name.upper())}\\fR"
            words.append(word if parameter.required else f"[{word}]")
    for parameter in leaf.params:
        if parameter.param_type_name == "option" and parameter.required:
            words.append(f"\\fB{escape(parameter.opts[0])}\\fR \\fI{escape(metavar(parameter, None))}\\fR")
    return " ".join([*words, "[\\fIOPTIONS\\fR]"])


def options(leaf: object, function: object) -> list[str]:
    """Return one entry per argument and option, with default and choices."""
    hints = get_type_hints(function, include_extras=True)
    lines = []
    for parameter in leaf.params:
        if parameter.name == "help":
            continue
        text = (parameter.help or "").strip()
        if parameter.param_type_name == "argument":
            lines += [".TP", f"\\fI{escape(parameter.metavar or parameter.name.upper())}\\fR", escape(text)]
            continue
        flags = ", ".join(f"\\fB{escape(flag)}\\fR" for flag in [*parameter.opts, *parameter.secondary_opts])
        value = (
            "" if parameter.is_flag else f" \\fI{breakable(metavar(parameter, hints.get(parameter.name)))}\\fR"
        )
        default = parameter.default
        shown = f" [{show(default)}]" if default not in (None, False, ...) and not parameter.required else ""
        needed = " [required]" if parameter.required else ""
        lines += [".TP", flags + value, escape(text + shown + needed)]
    return [*lines, ".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Show a short help and leave."]


def breakable(choices: str) -> str:
    """Escape choices such as a|b|c and let a line break after each bar."""
    return escape(choices).replace("|", "|\\:")


def show(default: object) -> str:
    """Return a default as it would be typed."""
    return " ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)


def metavar(parameter: object, hint: object) -> str:
    """Return the placeholder of an option's value, or its choices."""
    choices = literals(hint)
    if choices:
        return "|".join(choices)
    if not parameter.metavar:
        raise SystemExit(f"the option {parameter.opts[0]} needs a metavar or choices")
    return str(parameter.metavar)


def literals(hint: object) -> list[str]:
    """Return the strings of a Literal, wherever it stands in a type."""
    found = [part for part in getattr(hint, "__args__", ()) if isinstance(part, str)]
    return found or [text for part in getattr(hint, "__args__", ()) for text in literals(part)]


def common_option(parameter: object) -> list[str]:
    """Return the entry of one of the options that every command has."""
    declared = parameter.annotation.__metadata__[0]
    flags = ", ".join(f"\\fB{escape(flag)}\\fR" for flag in [declared.default, *declared.param_decls] if flag)
    value = f" \\fI{declared.metavar}\\fR" if declared.metavar else ""
    return [".TP", flags + value, escape(declared.help)]


def files(marks: list[tuple[str, object]], kind: type, more: bool) -> list[str]:
    """Return the files a command reads or writes, from the marks on its parameters."""
    lines: list[str] = []
    for name, mark in marks:
        if isinstance(mark, kind):
            contract = CONTRACTS[mark.contract]
            label = f"\\fI{escape(name.upper().replace('_', '-'))}\\fR ({escape(mark.contract)})"
            names = f" Named {' or '.join('*' + s for s in contract.suffixes)}." if contract.suffixes else ""
            stream = " May be - for the standard stream." if contract.stream else ""
            lines += [".TP", label, escape(contract.text + names + stream)]
    return lines if lines or more else ["None."]


def exit_status(*, resumable: bool, batch: bool) -> list[str]:
    """Return the table of exit statuses; 5 and 75 only where a command can leave them."""
    lines = [".SH EXIT STATUS"]
    possible = {ExitStatus.STOPPED: resumable, ExitStatus.ITEMS_FAILED: batch}
    for status in ExitStatus:
        if possible.get(status, True):
            lines += [".TP", f".B {int(status)}", STATUS_TEXT[status]]
    return lines


def environment() -> list[str]:
    """Return the environment variables that every command reads."""
    lines = [".SH ENVIRONMENT"]
    for name, text in ENVIRONMENT.items():
        lines += [".TP", f".B {name}", escape(text)]
    return lines


def split_page(docstring: str) -> tuple[str, dict[str, str]]:
    """Split a command's docstring into its description and its sections."""
    sections = dict.fromkeys(SECTIONS, "")
    heading, blocks = "", {"": []}
    for line in docstring.strip().splitlines()[1:]:
        if line.strip() in SECTIONS and line == line.strip():
            heading = line.strip()
            blocks[heading] = []
        else:
            blocks[heading].append(line)
    for name, content in blocks.items():
        if name:
            sections[name] = "\n".join(content).strip("\n")
    return "\n".join(blocks[""]).strip("\n"), sections


def markup(text: str) -> list[str]:
    """Turn plain text into troff: paragraphs, indented examples, `- ` items, `HEADING` lines, `@columns module:NAME`."""
    lines: list[str] = []
    verbatim = False
    for line in text.splitlines():
        example = line.startswith("    ")
        if verbatim and not example and line.strip():
            lines.append(".EE")
            verbatim = False
        if example and not verbatim:
            lines += [".PP", ".EX"]
            verbatim = True
        if example:
            lines.append(escape(line[4:].rstrip(), keep_start=True))
        elif not line.strip():
            lines.append("" if verbatim else ".PP")
        elif line.startswith("@columns "):
            lines += columns(line.split()[1])
        elif line.startswith("@labels"):
            lines += entries({str(value): name for value, name in NAMES.items()})
        elif line.startswith("@schemes"):
            lines += entries({name: scheme_text(scheme) for name, scheme in SCHEMES.items()})
        elif line.startswith("- "):
            lines += [".IP \\(bu 2", escape(line[2:])]
        elif line == line.upper() and line[0].isalpha() and len(line) < 50:
            lines.append(f".SH {escape(line)}")
        else:
            lines.append(escape(line.strip()))
    if verbatim:
        lines.append(".EE")
    return tidy(lines)


def columns(target: str) -> list[str]:
    """Return the columns of a table from their declaration in the code."""
    module, name = target.split(":")
    lines = []
    for column, about in getattr(import_module(module), name).items():
        description, unit = (about.description, about.unit) if hasattr(about, "description") else about
        lines += [".TP", f".B {escape(column)}", escape(f"{description}" + (f" [{unit}]" if unit else ""))]
    return lines


def entries(texts: dict[str, str]) -> list[str]:
    """Return one tagged paragraph per entry."""
    return [line for name, text in texts.items() for line in (".TP", f".B {escape(name)}", escape(text))]


def scheme_text(scheme: Scheme) -> str:
    """Return a label scheme in one sentence: the values, what is remarked, and the source."""
    values = ", ".join(f"{theirs} to {ours}" for theirs, ours in scheme.values.items())
    remarks = "".join(f"; {value}: {remark}" for value, remark in scheme.remarks.items())
    return f"{values}{remarks}. {scheme.source}."


def tidy(lines: list[str]) -> list[str]:
    """Drop the paragraph marks that groff would call superfluous."""
    kept: list[str] = []
    for line in lines:
        after_break = not kept or kept[-1].startswith((".SH", ".PP"))
        if line == ".PP" and after_break:
            continue
        if line.startswith((".SH", ".IP", ".TP")) and kept and kept[-1] == ".PP":
            kept.pop()
        kept.append(line)
    while kept and kept[-1] in (".PP", ""):
        kept.pop()
    while kept and kept[0] in (".PP", ""):
        kept.pop(0)
    return [line for i, line in enumerate(kept) if line or kept[i - 1] != ".PP"]


def escape(text: str, *, keep_start: bool = False) -> str:
    """Escape troff's own characters."""
    text = (
        text.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
        .replace("^", "\\(ha")
        .replace("~", "\\(ti")
    )
    text = text.replace("`", "\\(ga") if keep_start else text.replace("`", "")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return "\\&" + text if text.startswith((".", "'")) else text


def lower(text: str) -> str:
    """Return a summary as NAME wants it: no capital, no full stop."""
    text = text.rstrip(".")
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def main() -> int:
    """Write the pages, or compare them with what is committed."""
    made = pages()
    here = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.[0-9]"))}
    if "--check" in sys.argv[1:]:
        stale = sorted(name for name in {*made, *here} if made.get(name) != here.get(name))
        for name in stale:
            print(f"man/{name} is stale: run make docs", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in set(here) - set(made):
        (FOLDER / name).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages in {FOLDER.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
