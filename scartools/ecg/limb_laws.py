"""How far the leads of a page keep the laws that bind the limb leads to each other (Einthoven, Goldberger)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scartools.ecg.reading import Strip

RATE_HZ = 500.0  # strips are compared at this rate
MIN_OVERLAP_S = 1.0  # shorter common times tell nothing
LAG_SAMPLES, LAG_S = 3, 0.02  # drawn samples, and at most: a pixel and a half of a picture
QUIET_MV = 0.05  # leads flatter than this on average: residuals are compared with this instead
PEN_MM = 0.125  # half a pen's width, or half a pixel of a photograph of 4 px a mm
LAWS = {
    "einthoven": (("I", "III", "II"), (1, 1, -1)),
    "goldberger": (("aVR", "aVL", "aVF"), (1, 1, 1)),
    # aVL = (I - III) / 2, where they share time: the only law that tells I from III
    "goldberger_avl": (("aVL", "I", "III"), (1, -0.5, 0.5)),
    # Cabrera's first and second column
    "cabrera": (("aVR", "I", "aVL"), (1, 1.5, -1)),
    "cabrera_avf": (("aVF", "II", "III"), (1, -0.5, -0.5)),
    # aVF - aVR = 3/2 II: ties the augmented leads to lead II, over a rhythm strip on a 3 x 4 page
    "goldberger_ii": (("aVF", "aVR", "II"), (1, -1, -1.5)),
}


def limb_laws(strips: Sequence[Strip]) -> dict[str, float | None]:
    """How far each law is missed, as a share of the leads' size; None where no three leads share time."""
    return {name: None if law is None else law[0] for name, law in law_residuals(strips, 0.0).items()}


def law_residuals(strips: Sequence[Strip], pen_s: float) -> dict[str, tuple[float, float] | None]:
    """How far each law is missed, and how far beyond what the pen explains, as shares of the leads' size.

    pen_s  time that PEN_MM of paper take, s
    Both are the SD of what the weighted sum leaves; the second one after each lead may have been drawn up to `pen_s`
    early or late at every place. On the strokes of a QRS, 1 mV in 20 ms, that alone leaves 0.25 mV, which says
    nothing about the leads; an exchanged lead, another scale and a beat that was not followed are beyond it.
    None where no three leads share time.
    """
    return {name: _law(strips, leads, weights, pen_s) for name, (leads, weights) in LAWS.items()}


def together(strips: Sequence[Strip]) -> np.ndarray | None:
    """Return strips sampled at their common times, float64 (len(strips), T); None below MIN_OVERLAP_S."""
    start = max(strip.start_s for strip in strips)
    end = min(strip.start_s + (len(strip.samples) - 1) / strip.rate for strip in strips)
    if end - start < MIN_OVERLAP_S:
        return None
    times = start + np.arange(int((end - start) * RATE_HZ)) / RATE_HZ
    rows = [np.interp(times, s.start_s + np.arange(len(s.samples)) / s.rate, s.samples) for s in strips]
    values = np.stack(rows)
    values = values[:, np.isfinite(values).all(axis=0)]  # interpolation next to NaN is NaN
    return values if values.shape[1] >= MIN_OVERLAP_S * RATE_HZ else None


def most_lag(strips: Sequence[Strip]) -> int:
    """Samples at RATE_HZ that one of these strips may be drawn early or late as a whole."""
    return int(min(LAG_SAMPLES / min(strip.rate for strip in strips), LAG_S) * RATE_HZ)


def _law(
    strips: Sequence[Strip], leads: Sequence[str], weights: Sequence[float], pen_s: float
) -> tuple[float, float] | None:
    """Return how far the weighted sum of leads is from constant: as it is, and beyond the pen.

    Any strips of one page that share time may be taken; the pair of columns comes before a rhythm strip. Each
    strip has its own zero, so that a constant is no contradiction.
    """
    for page in sorted({strip.page for strip in strips}):
        chosen: list[Strip] = []
        for lead in leads:
            options = [s for s in strips if s.page == page and s.lead == lead]
            options.sort(key=lambda s: (s.rhythm, s.start_s))
            if chosen:  # a rhythm strip serves where the column of its lead lies at another time
                options = [s for s in options if together([*chosen, s]) is not None]
            chosen += options[:1]
        values = together(chosen) if len(chosen) == len(leads) else None
        if values is not None:
            terms = _aligned(values, np.array(weights, float), most_lag(chosen))
            size = max(float(np.sqrt(np.mean(np.var(values, axis=1)))), QUIET_MV)
            beyond = _beyond_pen(terms, int(round(pen_s * RATE_HZ)))
            return float(np.std(terms.sum(axis=0))) / size, float(np.sqrt(np.mean(beyond**2))) / size
    return None


def _aligned(values: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """Return the weighted leads (3, T), each at the lag of up to `most` samples at which their sum is least.

    Each lead is drawn a pixel or a pen's width early or late; a narrow QRS a pixel apart is no contradiction.
    """
    lags = range(-most, most + 1)
    length = values.shape[1] - 2 * most

    def moved(row: np.ndarray, lag: int) -> np.ndarray:
        part = row[most + lag :][:length]
        return part - part.mean()

    first = weights[0] * moved(values[0], 0)
    second, third = ([weights[k] * moved(values[k], lag) for lag in lags] for k in (1, 2))
    pairs = (
        (float(np.mean(np.square(first + a + b))), i, j)
        for i, a in enumerate(second)
        for j, b in enumerate(third)
    )
    _, i, j = min(pairs)
    return np.stack([first, second[i], third[j]])


def _beyond_pen(terms: np.ndarray, reach: int) -> np.ndarray:
    """Return what is left of the sum of leads (3, T) where each may move by `reach` samples at every place, (T,).

    Between the least and the largest sum that this allows nothing is left.
    """
    total = terms.sum(axis=0)
    windows = [np.roll(terms, shift, axis=1) for shift in range(-reach, reach + 1)]
    if reach:  # what was rolled round the ends
        for shift, window in zip(range(-reach, reach + 1), windows, strict=True):
            if shift > 0:
                window[:, :shift] = terms[:, :shift]
            elif shift < 0:
                window[:, shift:] = terms[:, shift:]
    middle = float(np.median(total))
    low = np.min(windows, axis=0).sum(axis=0) - middle
    high = np.max(windows, axis=0).sum(axis=0) - middle
    left: np.ndarray = np.maximum(low, 0.0) + np.minimum(high, 0.0)
    return left
