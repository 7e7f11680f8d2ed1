"""Linear equations with five bands, as scipy.linalg.solveh_banded solves them: importing that takes a quarter of a page's reading."""

from __future__ import annotations

import numpy as np

_PART = 24  # quickest for some thousand unknowns: solved together; the last two of them part it from the next
_INSIDE = _PART - 2


def solve_five_bands(
    diagonal: np.ndarray, beside: np.ndarray, beyond: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Solve a symmetric positive definite system in which an unknown meets the two on either side of it.

    diagonal  float64 (N,); beside: (N - 1,), to the next; beyond: (N - 2,), to the one after it; N at least 3
    right     float64 (N,)
    Returns float64 (N,).
    The unknowns are cut into parts by pairs of them: each part is solved by itself for any values of the pairs on both
    sides, and then the pairs, which meet no others (substructuring; George, SIAM J Numer Anal 1973;10:345).
    """
    count = len(diagonal)
    parts = -(-count // _PART)
    # what fills the last part is 1 times nothing, and meets none
    main, first, second, wanted = (np.zeros((parts, _PART)) for _ in range(4))
    for band, values, skipped in (
        (main, diagonal, 0),
        (first, beside, 1),
        (second, beyond, 2),
        (wanted, right, 0),
    ):
        band.ravel()[skipped:count] = values
    main.ravel()[count:] = 1.0
    at = np.arange(_PART)
    whole = np.zeros((parts, _PART, _PART))
    whole[:, at, at] = main
    whole[:, at[1:], at[:-1]] = whole[:, at[:-1], at[1:]] = first[:, 1:]
    whole[:, at[2:], at[:-2]] = whole[:, at[:-2], at[2:]] = second[:, 2:]
    before = np.zeros((parts, _INSIDE, 2))  # how a part meets the pair before it
    before[:, 0, 1], before[:, 0, 0], before[:, 1, 1] = first[:, 0], second[:, 0], second[:, 1]
    own = whole[:, :_INSIDE, _INSIDE:]
    told_by = np.concatenate([before, own, wanted[:, :_INSIDE, None]], axis=2)
    solved = np.linalg.solve(whole[:, :_INSIDE, :_INSIDE], told_by)
    pairs = _solve_pairs(whole[:, _INSIDE:, _INSIDE:], before, own, solved, wanted[:, _INSIDE:])
    earlier = np.concatenate([np.zeros((1, 2)), pairs[:-1]])
    told = solved[:, :, :2] @ earlier[:, :, None] + solved[:, :, 2:4] @ pairs[:, :, None]
    return np.concatenate([solved[:, :, 4] - told[..., 0], pairs], axis=1).ravel()[:count]


def _solve_pairs(
    between: np.ndarray, before: np.ndarray, own: np.ndarray, solved: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Solve for the pairs with the parts taken out.

    between  (P, 2, 2), how the two of a pair meet
    before   (P, M, 2), how a part meets the pair before it, and own: the pair at its end
    solved   (P, M, 5), the part for the pair before, its own pair, and the right side
    wanted   (P, 2), right side of the pairs
    Returns (P, 2).
    """
    parts = len(between)
    system, right = np.zeros((parts, 2, parts, 2)), wanted.copy()
    at, own, before = np.arange(parts), own.transpose(0, 2, 1), before[1:].transpose(0, 2, 1)
    system[at, :, at] = between - own @ solved[:, :, 2:4]
    right -= (own @ solved[:, :, 4:])[..., 0]
    system[at[:-1], :, at[:-1]] -= before @ solved[1:, :, :2]
    right[:-1] -= (before @ solved[1:, :, 4:])[..., 0]
    across = -own[1:] @ solved[1:, :, :2]
    system[at[1:], :, at[:-1]], system[at[:-1], :, at[1:]] = across, across.transpose(0, 2, 1)
    found = np.linalg.solve(system.reshape(2 * parts, 2 * parts), right.ravel())
    return np.asarray(found.reshape(parts, 2))
