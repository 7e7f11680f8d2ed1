"""Bad ECG records and beats: each maker writes a header and, beside it, its signal file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb

Maker = Callable[[Path, Path], None]


def _header(change: Callable[[list[str]], list[str]], *, signal_bytes: slice | None = slice(None)) -> Maker:
    """Change the lines of a good header; the signal file is copied, cut, or (None) left out."""

    def make(path: Path, good: Path) -> None:
        lines = good.read_text().replace(f"{good.stem}.dat", f"{path.stem}.dat").splitlines()
        lines[0] = lines[0].replace(good.stem, path.stem, 1)
        path.write_text("\n".join(change(lines)) + "\n")
        if signal_bytes is not None:
            path.with_suffix(".dat").write_bytes(good.with_suffix(".dat").read_bytes()[signal_bytes])

    return make


def _first(change: Callable[[list[str]], list[str]]) -> Maker:
    """Change the words of the first line: name, leads, rate, samples."""
    return _header(lambda lines: [" ".join(change(lines[0].split())), *lines[1:]])


def _each_lead(change: Callable[[str], str]) -> Maker:
    return _header(lambda lines: [lines[0], *map(change, lines[1:])])


def _signals(change: Callable[[np.ndarray], np.ndarray], rate: float | None = None) -> Maker:
    """Write a record from a good one by changing its digital signals (T, 12)."""

    def make(path: Path, good: Path) -> None:
        record = wfdb.rdrecord(str(good.with_suffix("")), physical=False)
        digital = change(record.d_signal.astype(np.int64))
        wfdb.wrsamp(
            path.stem, fs=rate or record.fs, units=record.units, sig_name=record.sig_name, d_signal=digital,
            fmt=record.fmt, adc_gain=record.adc_gain, baseline=record.baseline, write_dir=str(path.parent or "."),
        )  # fmt: skip

    return make


def _one_limb_lead(path: Path, good: Path) -> None:
    record = wfdb.rdrecord(str(good.with_suffix("")))
    rows = [0, *range(6, 12)]
    wfdb.wrsamp(
        path.stem, fs=record.fs, units=["mV"] * 7, sig_name=[record.sig_name[k] for k in rows], fmt=["16"] * 7,
        p_signal=record.p_signal[:, rows], write_dir=str(path.parent or "."),
    )  # fmt: skip


BROKEN: dict[str, Maker] = {
    "text": lambda path, good: path.write_text("not a record\n") and None,
    "signal file absent": _header(lambda lines: lines, signal_bytes=None),
    "signal file truncated": _header(lambda lines: lines, signal_bytes=slice(0, 1001)),
    "signal file empty": _header(lambda lines: lines, signal_bytes=slice(0, 0)),
    "one limb lead": _one_limb_lead,
    "a lead twice": _each_lead(lambda line: line.replace("aVL", "aVR")),
    "no precordial lead": _each_lead(lambda line: line.replace(" V", " MCL")),
    "no rate": _first(lambda words: words[:2]),
    "rate 0": _first(lambda words: [*words[:2], "0", *words[3:]]),
    "rate not a number": _first(lambda words: [*words[:2], "nan", *words[3:]]),
    "no length": _first(lambda words: words[:3]),
    "claims a year": _first(lambda words: [*words[:3], "999999999999"]),
    "claims more leads": _first(lambda words: [words[0], "99", *words[2:]]),
    "several segments": _first(lambda words: [words[0] + "/3", *words[1:]]),
    "gain 0": _each_lead(lambda line: line.replace(" 1000.0(0)/", " 0(0)/")),
    "gain of a nanovolt": _each_lead(lambda line: line.replace(" 1000.0(0)/", " 0.001(0)/")),
    "in millimetres": _each_lead(lambda line: line.replace("/mV", "/mm")),
    "unknown format": _each_lead(lambda line: line.replace(".dat 16 ", ".dat 311 ")),
    "path upwards": _each_lead(lambda line: "../" + line),
    "absolute path": _each_lead(lambda line: "/etc/passwd " + line.split(" ", 1)[1]),
    "standard input": _each_lead(lambda line: "- " + line.split(" ", 1)[1]),
    "all samples invalid": _signals(lambda digital: np.full_like(digital, -32768)),
}

# well-formed WFDB that holds no beat
WITHOUT_BEATS: dict[str, Maker] = {
    "flat": _signals(np.zeros_like),
    "constant": _signals(lambda digital: np.full_like(digital, 500)),
    "noise": _signals(lambda digital: np.random.default_rng(0).integers(-500, 500, digital.shape)),
    "half a second": _signals(lambda digital: digital[:250]),
    "one beat": _signals(lambda digital: digital[:700]),
    "70 Hz": _signals(lambda digital: digital[::7], rate=70),
}

NOT_A_BEAT: dict[str, Maker] = {
    "599 samples": _signals(lambda digital: digital[:599]),
    "1200 samples": _signals(lambda digital: np.concatenate([digital[:600], digital[:600]])),
    "1000 Hz": _signals(lambda digital: digital[:600], rate=1000),
}
