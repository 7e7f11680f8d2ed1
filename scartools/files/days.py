"""Days written as text: one named format a table, nothing guessed, no date ever repeated in a message."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from scartools.errors import InputError

DayFormat = Literal["iso", "dicom", "hl7", "muse", "mdy", "dmy", "excel"]
_YMD, _MDY, _DMY = ("year", "month", "day"), ("month", "day", "year"), ("day", "month", "year")
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"  # read over: whole days count
_FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "iso": (rf"(\d{{4}})-(\d{{2}})-(\d{{2}}){_TIME}", _YMD),
    "dicom": (r"((?:19|20|21)\d{2})(\d{2})(\d{2})(?:\d{2,6}(?:\.\d+)?)?(?:[+-]\d{4})?", _YMD),
    "hl7": (r"((?:19|20|21)\d{2})(\d{2})(\d{2})(?:\d{4}(?:\d{2}(?:\.\d+)?)?)?(?:[+-]\d{4})?", _YMD),
    "muse": (rf"(\d{{2}})-(\d{{2}})-(\d{{4}}){_TIME}", _MDY),
    "mdy": (rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}}){_TIME}", _MDY),
    "dmy": (rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}}){_TIME}", _DMY),
}
_EXCEL = re.compile(r"(\d{4,5})(?:\.\d+)?")
_EXCEL_FIRST = date(1899, 12, 30)  # 1900 date system; its phantom 29 February 1900 is long before any MRI
EARLIEST = date(1990, 1, 1)
# what software writes where it knows no day: paired with each other they would be 0 days apart
PLACEHOLDERS = frozenset({date(1, 1, 1), date(1899, 12, 30), date(1900, 1, 1), date(1970, 1, 1)})


def parse_day(text: str, form: DayFormat) -> date | None:
    """Return the day, or None for what is no day: a word, 30 February, a placeholder such as 1900-01-01.

    form  iso YYYY-MM-DD, dicom YYYYMMDD, hl7 YYYYMMDDHHMM, muse MM-DD-YYYY, mdy and dmy with / . or -, excel serials
    Raises InputError for a day that is written in another format: then the whole table is, most likely.
    """
    text = text.strip()
    day, shaped = _read(text, form)
    if shaped:
        return None if day in PLACEHOLDERS else day
    others = [other for other in (*_FORMS, "excel") if other != form and _read(text, other)[0] is not None]
    if not others:
        return None
    shape = re.sub(r"\d", "9", text[:30])  # a date of a patient stands in no log
    if others == ["excel"]:
        raise InputError(
            f"a cell like {shape} looks like an Excel serial number", remedy="Add --date-format excel"
        )
    if {"mdy", "dmy"} <= set(others):
        raise InputError(
            f"a cell like {shape} is ambiguous: day or month may come first",
            remedy="Say which with --date-format dmy or mdy",
        )
    raise InputError(
        f"a cell like {shape} is not in the format {form}",
        remedy=f"It could be --date-format {' or '.join(others)}",
    )


def _read(text: str, form: str) -> tuple[date | None, bool]:
    """Return the day, None where the calendar has none such, and whether the text has the shape of the format."""
    try:
        if form == "excel":
            serial = _EXCEL.fullmatch(text)
            return (_EXCEL_FIRST + timedelta(days=int(serial.group(1))), True) if serial else (None, False)
        pattern, names = _FORMS[form]
        found = re.fullmatch(pattern, text, re.ASCII)
        if found is None:
            return None, False
        return date(**dict(zip(names, map(int, found.groups()), strict=True))), True
    except ValueError:
        return None, True
