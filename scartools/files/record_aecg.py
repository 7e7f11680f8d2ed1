"""HL7 aECG, AnnotatedECG: sequences of digits with an origin and a scale, on a time sequence with an increment.

After the HL7 aECG Implementation Guide (Brown and Badilini, 21 March 2005): a series of the code RHYTHM, and derived
from it one of the code REPRESENTATIVE_BEAT.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from scartools.errors import InputError
from scartools.files import record_xml
from scartools.files.record_contents import (
    Contents,
    Waveform,
    millivolts_per,
    number,
    read_whole,
    require_rate,
    require_size,
)

if TYPE_CHECKING:
    import numpy as np

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_DIGITS = re.compile(r"[0-9eE+\-.\s]*", re.ASCII)
_TIMES = ("TIME_ABSOLUTE", "TIME_RELATIVE")


def read(path: Path) -> Contents:
    """Read the rhythm series of an annotated ECG, and its representative beat where there is one."""
    root = record_xml.parse(path, read_whole(path, limit=record_xml.MAX_BYTES))
    series = [*root.iterfind("component/series"), *root.iterfind("component/series/derivation/derivedSeries")]
    rhythms = [one for one in series if _code(one) in ("RHYTHM", "RHYTHM_WAVEFORMS")]
    beats = [one for one in series if _code(one).startswith("REPRESENTATIVE_BEAT")]
    if len(rhythms) != 1 or len(beats) > 1:
        codes = ", ".join(sorted({_code(one)[:40] or "without a code" for one in series})) or "no series"
        raise InputError(
            f"holds {len(rhythms)} series of the code RHYTHM and {len(beats)} of REPRESENTATIVE_BEAT, where one RHYTHM is due",
            where=path,
            remedy=f"It has {codes}; export one ECG a file",
        )
    facts: dict[str, Any] = {"Format": "HL7 aECG"}
    beat = _waveform(path, beats[0]) if beats else None
    return Contents(_waveform(path, rhythms[0]), beat, facts, (path,))


def _code(element: Element) -> str:
    found = element.find("code")
    return "" if found is None else found.get("code", "").strip()


def _waveform(path: Path, series: Element) -> Waveform:
    """Return the leads of a series, whose one sequence set has them on one clock."""
    import numpy as np

    sets = series.findall("component/sequenceSet")
    if len(sets) != 1:
        raise InputError(
            f"holds {len(sets)} sequence sets in the series {_code(series)[:40]}, where one with all leads is due",
            where=path,
            remedy="Export the simultaneous recording",
        )
    sequences = sets[0].findall("component/sequence")
    clocks = [one for one in sequences if _code(one) in _TIMES]
    leads = [one for one in sequences if _code(one) not in _TIMES]
    if len(clocks) != 1 or not leads:
        raise InputError(
            f"holds {len(clocks)} time sequences and {len(leads)} leads in a sequence set",
            where=path,
            remedy="One time sequence and the leads are due",
        )
    require_size(path, len(leads), 1)
    rate = _rate(path, clocks[0])
    values = [_lead(path, one) for one in leads]
    if len({len(one) for one in values}) > 1:
        lengths = ", ".join(f"{_code(lead)[:20]} {len(one)}" for lead, one in zip(leads, values, strict=True))
        raise InputError(f"has leads of different lengths ({lengths})", where=path, remedy="Export it again")
    return Waveform(tuple(_code(lead) for lead in leads), np.stack(values), rate)


def _rate(path: Path, sequence: Element) -> float:
    increment = sequence.find("value/increment")
    unit = "" if increment is None else increment.get("unit", "").strip()
    if increment is None or unit not in _SECONDS:
        raise InputError(
            f"has a time sequence with an increment in {unit[:20]!r}; s, ms or us are due",
            where=path,
            remedy="Export it again",
        )
    step = number(path, increment.get("value"), "a time increment") * _SECONDS[unit]
    if not step > 0:
        raise InputError(f"has a time increment of {step:g} s", where=path, remedy="Export it again")
    return require_rate(path, round(1 / step, 6))


def _lead(path: Path, sequence: Element) -> np.ndarray:
    """Return one lead in mV, (T,): origin + digits x scale."""
    import numpy as np

    name = f"of the lead {_code(sequence)[:20] or '(without a code)'}"
    value = sequence.find("value")
    digits = None if value is None else value.find("digits")
    if value is None or digits is None or not (digits.text or "").strip():
        raise InputError(f"has no digits {name}", where=path, remedy="Export it with its waveforms")
    text = digits.text or ""
    if not _DIGITS.fullmatch(text):
        raise InputError(f"has digits {name} that are not numbers", where=path, remedy="Export it again")
    words = text.split()
    require_size(path, 1, len(words))
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise InputError(
            f"has digits {name} that are not numbers", where=path, remedy="Export it again"
        ) from error
    signals = _millivolts(path, value, "origin", name) + numbers * _millivolts(path, value, "scale", name)
    if not np.isfinite(signals).all():
        raise InputError(f"has digits {name} that are not finite", where=path, remedy="Export it again")
    return signals


def _millivolts(path: Path, value: Element, part: str, name: str) -> float:
    """Return origin or scale in mV; an origin that is not there is 0, a scale must be."""
    found = value.find(part)
    if found is None and part == "origin":
        return 0.0
    stated = {} if found is None else found.attrib
    amount = number(path, stated.get("value"), f"{part} {name}")
    if part == "scale" and not amount > 0:
        raise InputError(f"states the scale {amount:g} {name}", where=path, remedy="Export it again")
    return amount * millivolts_per(path, stated.get("unit", ""))
