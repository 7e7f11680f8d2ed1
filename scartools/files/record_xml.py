"""XML from strangers, read without trust: no entity is expanded, no file is fetched, and there is a limit to everything.

MUSE files name a document type (restecg.dtd), which is neither asked for nor needed. A document that declares or uses
an entity of its own is refused: entities unfold to gigabytes or pull in files.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from scartools.errors import InputError

MAX_BYTES = 128 << 20
DEEPEST, MOST_ELEMENTS, MOST_ATTRIBUTES = 64, 500_000, 2_000_000
_NAMESPACE_END = "\x1f"


class _Refused(Exception):
    """What a document may not hold."""


class _Builder:
    """Builds the tree of a document; names lose their namespaces."""

    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self.depth = self.elements = self.attributes = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Count an element that begins; refuse what is nested too deep, or too much."""
        self.depth += 1
        self.elements += 1
        self.attributes += len(attributes)
        if self.depth > DEEPEST:
            raise _Refused(f"is nested more than {DEEPEST} deep")
        if self.elements > MOST_ELEMENTS or self.attributes > MOST_ATTRIBUTES:
            raise _Refused(f"has more than {MOST_ELEMENTS} elements")
        self.tree.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self.depth -= 1
        self.tree.end(_local(name))

    def refuse_entity(self, name: str, *others: object) -> None:
        raise _Refused(f"declares or uses the XML entity {name[:40]!r}")


def parse(path: Path, data: bytes) -> Element:
    """Return the root of a document, its names without namespaces.

    Raises InputError for what is not well-formed, declares or uses an entity, or is too deep or too large.
    """
    parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
    builder = _Builder()
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.tree.data
    parser.EntityDeclHandler = builder.refuse_entity
    parser.SkippedEntityHandler = builder.refuse_entity
    try:
        parser.Parse(data, True)
        return builder.tree.close()
    except _Refused as error:
        raise InputError(str(error), where=path, remedy="Export it again, as plain XML") from error
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise InputError(
            f"is not well-formed XML ({error})", where=path, remedy="Copy or export it again"
        ) from error


def root_name(data: bytes) -> str:
    """Return the name of the root element of a document that begins with these bytes; empty where none is seen."""
    found: list[str] = []
    parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(_local(name))
        raise _Refused

    def entity(*others: object) -> None:
        raise _Refused

    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity
    with suppress(
        _Refused, expat.ExpatError, ValueError, LookupError
    ):  # what was seen before the damage counts
        parser.Parse(data, False)
    return found[0] if found else ""


def text_of(element: Element, name: str) -> str:
    """Return the text of a child, stripped; empty where there is none."""
    return (element.findtext(name) or "").strip()


def _local(name: str) -> str:
    return name.rpartition(_NAMESPACE_END)[2]
