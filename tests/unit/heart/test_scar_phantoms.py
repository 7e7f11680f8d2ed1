"""Every threshold rule on a heart whose scar is known: n-SD, half maxima, Otsu, weighted; depth against Laplace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import ndtr

from scartools.heart.chords import centreline_chords
from scartools.heart.quantities import quantify
from scartools.heart.scar_from_image import ScarRule, scar_from_image
from scartools.heart.thresholds import FwhmVariant, ImageKind, n_sd
from tests.unit.heart.heart_phantom import CENTRE, affine, ventricle

DARK, BRIGHT, NOISE = 30.0, 200.0, 6.0  # signals of remote and scar, SD


def heart(noise: float = NOISE) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels without scar, its image, where the scar is, and a healthy region, all (61, 61, 9)."""
    labels = ventricle(9)
    i, j = np.meshgrid(np.arange(61) - CENTRE, np.arange(61) - CENTRE, indexing="ij")
    wall = labels == 2
    scar = wall & ((i > np.abs(j)) & (np.hypot(i, j) < 15.0))[:, :, None]
    image = np.where(scar, BRIGHT, DARK) + np.random.default_rng(8).normal(0, noise, labels.shape)
    return labels, image, scar, wall & (i < -2)[:, :, None]


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_n_sd_marks_the_share_of_healthy_wall_that_the_normal_law_says(n: int) -> None:
    noise = np.random.default_rng(n).normal(100.0, 10.0, (120, 120, 100))
    wall = np.ones(noise.shape, dtype=bool)
    found = n_sd(noise, wall, wall, n)
    assert found.facts["Threshold"] == pytest.approx(100 + 10 * n, abs=0.1)
    expected = ndtr(-n) * noise.size
    assert found.facts["ScarVoxels"] == pytest.approx(expected, abs=4 * np.sqrt(expected) + 1)


@pytest.mark.parametrize("n", [2.0, 3.0, 4.0, 5.0, 6.0])
def test_n_sd_finds_a_known_scar_and_its_volume(n: float) -> None:
    labels, image, scar, remote = heart()
    found, _, facts = scar_from_image(labels, image, affine(), ScarRule("sd", n=n), remote=remote)
    assert facts["Threshold"] == pytest.approx(DARK + n * NOISE, abs=1.5)
    assert (found == 3)[scar].all()
    healthy = (labels == 2) & ~scar
    assert (found == 3)[healthy].mean() == pytest.approx(float(ndtr(-n)), abs=0.006)
    row = quantify(found, affine()).rows[-1]
    assert row["scar_ml"] == pytest.approx((found == 3).sum() * 1.5 * 1.5 * 8 / 1000)


@pytest.mark.parametrize(
    ("variant", "kind", "offset", "threshold"),
    [
        ("wall", "magnitude", 0.0, 100.0),
        ("scar", "magnitude", 0.0, 100.0),
        ("grown", "magnitude", 0.0, 100.0),
        ("min", "magnitude", 0.0, 115.0),
        ("wall", "psir", -80.0, 35.0),
        ("scar", "psir", -80.0, 35.0),
        ("grown", "psir", -80.0, 35.0),
        ("min", "psir", -80.0, 35.0),
    ],
)
def test_each_half_maximum_finds_a_known_scar(
    variant: FwhmVariant, kind: ImageKind, offset: float, threshold: float
) -> None:
    labels, _, scar, remote = heart()
    image = np.where(scar, BRIGHT, DARK) + offset  # without noise the maximum is known
    labels = np.where(scar, 3, labels).astype(np.uint8)  # for scar and grown, as a reader draws it
    rule = ScarRule("fwhm", variant=variant, image_kind=kind)
    needed = remote if rule.needs_remote else None
    found, _, facts = scar_from_image(labels, image, affine(), rule, remote=needed)
    assert facts["Threshold"] == pytest.approx(threshold, abs=1e-9)
    np.testing.assert_array_equal(found == 3, scar)


def test_grown_leaves_a_bright_piece_that_is_not_joined() -> None:
    labels, _, scar, _ = heart()
    image = np.where(scar, BRIGHT, DARK)
    far = np.zeros(scar.shape, dtype=bool)
    far[CENTRE - 16 : CENTRE - 13, CENTRE, 4] = labels[CENTRE - 16 : CENTRE - 13, CENTRE, 4] == 2
    assert far.any()
    image[far] = BRIGHT - 10
    both, _, _ = scar_from_image(labels, image, affine(), ScarRule("fwhm", image_kind="magnitude"))
    np.testing.assert_array_equal(both == 3, scar | far)
    rule = ScarRule("fwhm", variant="grown", image_kind="magnitude")
    joined, _, facts = scar_from_image(labels, image, affine(), rule)
    np.testing.assert_array_equal(joined == 3, scar)
    assert facts["VoxelsNotJoined"] == far.sum()


def test_otsu_finds_a_known_scar() -> None:
    labels, image, scar, _ = heart()
    found, _, facts = scar_from_image(labels, image, affine(), ScarRule("otsu"))
    np.testing.assert_array_equal(found == 3, scar)
    assert DARK + 4 * NOISE < facts["Threshold"] < BRIGHT - 4 * NOISE


@pytest.mark.parametrize("noise", [0.0, 4.0, 10.0])
@pytest.mark.parametrize(
    ("radius", "narrow", "partial", "within"), [(14.3, 1.37, 0.37, 0.045), (17, 0.7, 0.19, 0.015)]
)
def test_weighted_scar_has_the_volume_of_a_scar_that_fills_voxels_partly(
    noise: float, radius: float, narrow: float, partial: float, within: float
) -> None:
    labels, fine = ventricle(9), 8  # samples along a voxel
    place = (np.arange(61 * fine) - (61 * fine - 1) / 2) / fine  # voxels from the centre
    i, j = np.meshgrid(place, place, indexing="ij")
    inside = (i > narrow * np.abs(j)) & (np.hypot(i, j) < radius)  # borders cut through voxels
    share = inside.reshape(61, fine, 61, fine).mean(axis=(1, 3))[:, :, None] * (labels == 2)
    assert ((share > 0) & (share < 1)).sum() / (share > 0).sum() == pytest.approx(partial, abs=0.01)
    image = DARK + (BRIGHT - DARK) * share + np.random.default_rng(2).normal(0, noise, share.shape)
    found, seen, facts = scar_from_image(labels, image, affine(), ScarRule("ewa"))
    assert seen.weights is not None
    error = abs(float(seen.weights.sum() / share.sum()) - 1)
    assert error < within
    assert error < 0.4 * abs((found == 3).sum() / share.sum() - 1)  # the same threshold without weights
    assert facts["MixtureMeans"][0] == pytest.approx(DARK, abs=1.0)


@pytest.mark.parametrize("noise", [0.0, 4.0, 10.0])
def test_weighted_scar_whose_borders_follow_the_voxels(noise: float) -> None:
    labels = ventricle(9)
    i, j = np.meshgrid(np.arange(61) - CENTRE, np.arange(61) - CENTRE, indexing="ij")
    scar = (labels == 2) & (i > np.abs(j))[:, :, None]
    image = np.where(scar, BRIGHT, DARK) + np.random.default_rng(2).normal(0, noise, scar.shape)
    _, seen, _ = scar_from_image(labels, image, affine(), ScarRule("ewa"))
    assert seen.weights is not None and seen.weights.sum() == pytest.approx(scar.sum(), rel=0.03)


def laplace_depth(labels: np.ndarray) -> float:
    """Where the scar ends, as a share of the way along the field lines of the wall of one slice, percent, by brute force.

    Laplace's equation in the wall, 0 at the pool and 1 outside, gives the field lines; the lengths to both ends obey
    L . T = 1 (Yezzi and Prince, IEEE Trans Med Imaging 2003;22:1332), solved upwind in one sparse system each.
    """
    wall = np.isin(labels, (2, 3))
    count = int(wall.sum())
    here, number = np.arange(count), np.full(labels.shape, -1)
    number[wall] = here
    neighbours = {shift: np.roll(number, shift, (0, 1))[wall] for shift in ((1, 0), (-1, 0), (0, 1), (0, -1))}
    system = sparse.lil_matrix((count, count))
    system[here, here] = 4.0
    outside = np.zeros(count)
    for shift, there in neighbours.items():
        system[here[there >= 0], there[there >= 0]] = -1.0
        outside += (there < 0) & (np.roll(labels, shift, (0, 1))[wall] != 1)
    potential = np.where(labels == 1, 0.0, 1.0)
    potential[wall] = spsolve(system.tocsr(), outside)
    slope = [part[wall] for part in np.gradient(potential)]
    length = np.hypot(*slope)
    lengths = []
    for way in (1, -1):  # from the endocardium, then from the epicardium
        system = sparse.lil_matrix((count, count))
        system[here, here] = (np.abs(slope[0]) + np.abs(slope[1])) / length
        for axis, part in enumerate(slope):
            for sign in (1, -1):
                there = neighbours[
                    (sign, 0) if axis == 0 else (0, sign)
                ]  # one voxel towards lower indices for +1
                upwind = (np.sign(part) * way == sign) & (there >= 0)
                system[here[upwind], there[upwind]] = -(np.abs(part) / length)[upwind]
        lengths.append(spsolve(system.tocsr(), np.ones(count)))
    depth = np.zeros(labels.shape)
    depth[wall] = lengths[0] / (lengths[0] + lengths[1])
    border = []
    for shift in neighbours:
        pair = (labels == 3) & (np.roll(labels, shift, (0, 1)) == 2)
        border.append((depth + np.roll(depth, shift, (0, 1)))[pair] / 2)
    return 100 * float(np.concatenate(border).mean())


@pytest.mark.parametrize("shift", [0.0, 3.0])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_depth_agrees_with_laplace_by_brute_force(share: float, shift: float) -> None:
    """Two ways that share nothing: chords across the centreline, and lengths along the field lines."""
    i, j = np.meshgrid(np.arange(141) - 70.0, np.arange(141) - 70.0, indexing="ij")
    inner, outer = 0.6 * np.hypot(i - shift, j), 0.6 * np.hypot(i, j)
    scar = (inner - 22) / ((inner - 22) + (36 - outer)) < share  # the share of the way across the wall
    labels = np.select([inner < 22, (outer < 36) & scar, outer < 36], [1, 3, 2]).astype(np.uint8)
    stack = np.repeat(labels[:, :, None], 3, axis=2)
    chords = float(centreline_chords(stack, np.diag([0.6, 0.6, 8, 1])).percent.mean())
    assert chords == pytest.approx(100 * share, abs=1.5)
    assert chords == pytest.approx(laplace_depth(labels), abs=1.5)
