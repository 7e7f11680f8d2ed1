"""Which format a recording has, told from what is in the file and not from its name."""

from __future__ import annotations

from pathlib import Path

from scartools.errors import InputError
from scartools.files import record_dicom, record_edf, record_table, record_xml
from scartools.files.record_wfdb import FIRST_LINE

READ = "WFDB, DICOM, GE MUSE XML, HL7 aECG, Philips XML, EDF and CSV or TSV are read"
HEAD_BYTES = 64 << 10
_ROOTS = {"RestingECG": "muse", "AnnotatedECG": "aecg", "restingecgdata": "philips"}
# what begins like this is known, and not read here: (bytes, where they stand, what it is, what to do)
_OTHERS = (
    (b"SCPECG", 16, "an SCP-ECG file", "Convert it to DICOM or CSV"),
    (b"\xffBIOSEMI", 0, "a BDF file", "Convert it to EDF"),
    (b"\x93NUMPY", 0, "a bare array, with neither leads nor rate", "Write it as CSV with a header and a time column"),
    (b"MATLAB", 0, "a MATLAB file", "Write it as CSV with a header and a time column"),
    (b"\x89HDF", 0, "an HDF5 file", "Write it as CSV with a header and a time column"),
    (b"ISHNE1.0", 0, "an ISHNE Holter file", "Convert it to WFDB or EDF"),
    (b"%PDF", 0, "a PDF page", "digitize-ecg makes a record of it"),
    (b"\x89PNG", 0, "a picture", "digitize-ecg makes a record of it"),
    (b"\xff\xd8\xff", 0, "a picture", "digitize-ecg makes a record of it"),
    (b"PK\x03\x04", 0, "a ZIP archive", "Unpack it first"),
    (b"\x1f\x8b", 0, "a gzip file", "Unpack it first"),
)  # fmt: skip


def kind_of(path: Path) -> str:
    """Return wfdb, dicom, muse, aecg, philips, edf or table.

    Raises InputError for any other kind, naming what it is where that is known.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if head[record_dicom.MAGIC_AT :].startswith(record_dicom.MAGIC):
        return "dicom"
    if head.startswith(record_edf.VERSION):
        return "edf"
    for magic, at, what, remedy in _OTHERS:
        if head[at:].startswith(magic):
            raise InputError(f"is {what}", where=path, remedy=f"{remedy}; {READ}")
    if _is_markup(head):
        root = record_xml.root_name(head)
        if root in _ROOTS:
            return _ROOTS[root]
        said = f"with the root {root[:40]!r}" if root else "without a root element that can be read"
        raise InputError(f"is XML {said}, no ECG that is known here", where=path, remedy=READ)
    first = head.partition(b"\n")[0]
    if record_table.has_leads(first.decode("utf-8", "replace")):
        return "table"
    if path.suffix == ".hea" or FIRST_LINE.fullmatch(_first_line(head)):
        return "wfdb"
    if path.suffix == ".dat" and path.with_suffix(".hea").is_file():
        raise InputError("is the signal file of a WFDB record", where=path, remedy=f"Name {path.stem}.hea")
    if head and b"\0" not in head and any(mark in first for mark in (b"\t", b",", b";")):
        return "table"
    raise InputError("is of no kind that is known here", where=path, remedy=READ)


def _is_markup(head: bytes) -> bool:
    """Tell whether a file begins with <, in any encoding of Unicode."""
    plain = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return plain.lstrip(b" \t\r\n\0").startswith(b"<")


def _first_line(head: bytes) -> str:
    """Return the first line that is neither empty nor a comment of WFDB."""
    lines = (line.strip() for line in head.decode("utf-8", "replace").split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")
