"""Known answers of the loss, and a second implementation of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from scartools.network.losses import deep_supervision, dice_and_cross_entropy, region_dice


def reference(logits: np.ndarray, target: np.ndarray) -> float:
    """Soft Dice over the batch without background, and cross-entropy, in plain numpy."""
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    guess = exponent / exponent.sum(axis=1, keepdims=True)
    counted = target != 255
    entropy, dice = 0.0, []
    for b, y, x in np.argwhere(counted):
        entropy -= np.log(guess[b, target[b, y, x], y, x])
    entropy /= counted.sum()
    for value in range(1, logits.shape[1]):
        p, t = guess[:, value][counted], (target == value)[counted]
        dice.append((2 * (p * t).sum() + 1e-5) / (p.sum() + t.sum() + 1e-5))
    return entropy - float(np.mean(dice))


def test_it_equals_a_plain_implementation():
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((3, 4, 6, 5))
    target = rng.integers(0, 4, (3, 6, 5))
    target[0, :2] = 255
    found = dice_and_cross_entropy(torch.tensor(logits), torch.tensor(target))
    assert float(found) == pytest.approx(reference(logits, target), abs=1e-6)


def test_a_region_is_the_sum_of_its_classes():
    rng = np.random.default_rng(2)
    logits, target = rng.standard_normal((2, 4, 5, 6)), rng.integers(0, 4, (2, 5, 6))
    target[1, 0] = 255
    guess = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    counted, dice = target != 255, []
    for region in ((1, 2, 3), (2, 3)):
        p, t = guess[:, list(region)].sum(axis=1)[counted], np.isin(target, region)[counted]
        dice.append((2 * (p * t).sum() + 1e-5) / (p.sum() + t.sum() + 1e-5))
    found = region_dice(torch.tensor(logits), torch.tensor(target), ((1, 2, 3), (2, 3)))
    assert float(found) == pytest.approx(-float(np.mean(dice)), abs=1e-6)


def test_scar_that_is_called_healthy_costs_the_wall_nothing_and_called_background_it_does():
    target = torch.zeros((1, 8, 8), dtype=torch.long)
    target[:, 2:6, 2:6], target[:, 2:4, 2:6] = 2, 3
    healthy, missed = torch.where(target == 3, 2, target), torch.where(target == 3, 0, target)
    costs = [
        float(region_dice(60.0 * functional.one_hot(guess, 4).movedim(-1, 1).float(), target, ((2, 3),)))
        for guess in (healthy, missed)
    ]
    assert costs[0] == pytest.approx(-1.0, abs=1e-4) and costs[1] == pytest.approx(-2 / 3, abs=1e-4)


def test_regions_come_on_top_at_each_resolution():
    outputs = [torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4), torch.randn(2, 3, 2, 2)]
    target = torch.randint(0, 3, (2, 8, 8))
    coarse = target[:, 1::2, 1::2]
    more = (2 * region_dice(outputs[0], target, ((1, 2),)) + region_dice(outputs[1], coarse, ((1, 2),))) / 3
    plain = deep_supervision(outputs, target)
    found = deep_supervision(outputs, target, regions=((1, 2),))
    assert float(found) == pytest.approx(float(plain + more), abs=1e-5)


def test_a_perfect_guess_costs_minus_one():
    target = torch.randint(0, 3, (2, 8, 8))
    logits = 60.0 * functional.one_hot(target, 3).movedim(-1, 1).float()
    assert float(dice_and_cross_entropy(logits, target)) == pytest.approx(-1.0, abs=1e-4)


def test_ignored_pixels_have_no_gradient():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    target = torch.randint(0, 3, (1, 4, 4))
    target[0, 1] = 255
    dice_and_cross_entropy(logits, target).backward()
    assert not logits.grad[:, :, 1].any() and logits.grad[:, :, 2].any()


def test_all_ignored_is_no_number_that_is_not_one():
    loss = dice_and_cross_entropy(torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), 255))
    assert torch.isfinite(loss)


def test_resolutions_weigh_half_of_the_finer_one_and_the_coarsest_nothing():
    torch.manual_seed(0)
    target = torch.randint(0, 3, (2, 8, 8))
    outputs = [torch.randn(2, 3, edge, edge) for edge in (8, 4, 2)]
    fine = dice_and_cross_entropy(outputs[0], target)
    # nearest-exact takes the middle of each 2 x 2 block rounded down and up: index 1, 3, 5, 7
    half = dice_and_cross_entropy(outputs[1], target[:, 1::2, 1::2])
    assert float(deep_supervision(outputs, target)) == pytest.approx(
        float(2 / 3 * fine + 1 / 3 * half), abs=1e-6
    )
    assert float(deep_supervision(outputs[:1], target)) == pytest.approx(float(fine), abs=1e-6)
