"""Train the network of scartools/ecg/ink_network.py on drawn pieces of paper ECGs.

    python tools/train_ink.py draw RECORDS.npz POOL [--pieces 3000] [--part I/N]   # I/N: one of N processes
    python tools/train_ink.py train POOL scartools/ecg/weights/ink.safetensors [--steps 2400]
    python tools/train_ink.py score RECORDS.npz [--pieces 25]

RECORDS.npz holds X, int16 (N, T, 12), microvolts at 500 Hz, and ecg_id: PTB-XL (Wagner et al., Sci Data 2020;7:154,
CC BY 4.0). The last tenth of the records draws the pieces that `score` counts; PTB-XL 162 and 696, which are test
pages, draw none. The same seed, steps and torch give the same weights. No real page is ever trained on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from ink_architecture import InkNetwork
from ink_pages import DAMAGES, GRID, SIDE, TEXT, TRACE, UNSURE, draw_piece
from safetensors.numpy import save_file
from torch.nn import functional

from scartools.ecg import ink_network
from scartools.ecg.ink_network import BLOCK, CLASSES, blocks, normalised

TEST_PAGES = (162, 696)
CROP, BATCH = 192, 16
SHARES = (0.1, 0.15, 0.24, 0.13, 0.06, 0.14, 0.12, 0.06)  # of DAMAGES, in their order
STEEP = 16  # bit of a label: an upright stroke of a trace


def read_records(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Records to train on and records to score on, int16 (N, T, 12)."""
    with np.load(path) as packed:
        kept = packed["X"][~np.isin(packed["ecg_id"], TEST_PAGES)]
    held_out = len(kept) // 10
    return kept[:-held_out], kept[-held_out:]


def draw(records: np.ndarray, pool: Path, pieces: int, part: tuple[int, int], seed: int) -> None:
    """Write part I of N of the pool: pictures and labels as .npy."""
    pool.mkdir(parents=True, exist_ok=True)
    mine = range(part[0], pieces, part[1])
    pictures = np.empty((len(mine), SIDE, SIDE, 3), np.uint8)
    labels = np.empty((len(mine), SIDE, SIDE), np.uint8)
    for k, number in enumerate(mine):
        rng = np.random.default_rng([seed, number])
        piece = draw_piece(records, str(rng.choice(DAMAGES, p=SHARES)), rng)
        pictures[k], labels[k] = piece.picture, piece.label
        labels[k][piece.steep] |= STEEP
    np.save(pool / f"pictures{part[0]}.npy", pictures)
    np.save(pool / f"labels{part[0]}.npy", labels)


def varied(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other light, colour, sharpness and noise; the piece stays where it is."""
    out = picture.astype(np.float32)
    if rng.random() < 0.2:
        out = np.repeat((out @ rng.dirichlet([4, 6, 3]))[:, :, None], 3, axis=2)
    elif rng.random() < 0.2:
        out = out[:, :, rng.permutation(3)]
    out = (out - 255) * rng.uniform(0.7, 1.15) + 255
    out *= rng.uniform(0.6, 1.05) * (1 + rng.normal(0, 0.03, 3))
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.0))
    if rng.random() < 0.3:
        out += rng.normal(0, rng.uniform(1, 9), out.shape)
    return np.clip(out, 0, 255).astype(np.uint8)


def batches(pool: Path, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Crops as (blocks, targets, weights), float32 (BATCH, channels, h, w), without end."""
    pictures = [np.load(path, mmap_mode="r") for path in sorted(pool.glob("pictures*.npy"))]
    labels = [np.load(path, mmap_mode="r") for path in sorted(pool.glob("labels*.npy"))]
    places = [(k, n) for k, part in enumerate(pictures) for n in range(len(part))]
    rng = np.random.default_rng([seed, 1])
    order: list[int] = []
    while True:
        rows = []
        for _ in range(BATCH):
            if not order:
                order = rng.permutation(len(places)).tolist()
            k, n = places[order.pop()]
            top, left = rng.integers(0, SIDE - CROP + 1, 2)
            cut = np.s_[top : top + CROP, left : left + CROP]
            rows.append(example(normalised(varied(pictures[k][n], rng))[cut], labels[k][n][cut]))
        yield tuple(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))  # type: ignore[misc]


def example(page: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One crop as blocks: input, targets 0 or 1, weights of their losses."""
    steep, kind = (label & STEEP) > 0, label & ~np.uint8(STEEP)
    unsure = label == UNSURE
    steep &= ~unsure
    kind[unsure] = UNSURE
    target = np.stack([kind == TRACE, kind == TEXT, kind == GRID], 2).astype(np.float32)
    weight = np.ones_like(target)
    trace = target[:, :, 0]
    beside = cv2.dilate(trace, np.ones((3, 3), np.uint8)) - trace
    weight[:, :, 0] += 1.0 * trace + 2.0 * steep - 0.5 * beside  # the very edge is a matter of taste
    weight[:, :, 1] += target[:, :, 1]
    weight[:, :, 2] = np.where(unsure, 0.0, 0.5)
    return blocks(page), blocks(target), blocks(weight)


def loss_of(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy of the three, and the soft Dice of trace and text."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight)
    cells = BLOCK * BLOCK
    total = entropy
    for k, share in ((0, 0.15), (1, 0.08)):
        p, t = logits[:, k * cells : (k + 1) * cells].sigmoid(), target[:, k * cells : (k + 1) * cells]
        total = total + share * (1 - (2 * (p * t).sum() + 1) / ((p * p).sum() + (t * t).sum() + 1))
    return total


def train(pool: Path, output: Path, steps: int, seed: int) -> None:
    """Train; the running mean of the weights goes to `output` every 200 steps and at the end."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = InkNetwork().to(memory_format=torch.channels_last)
    mean = {name: part.detach().clone() for name, part in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.08)
    started, recent = time.monotonic(), []
    for step, (page, target, weight) in zip(range(1, steps + 1), batches(pool, seed), strict=False):
        loss = loss_of(network(page.to(memory_format=torch.channels_last)), target, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        recent.append(float(loss.detach()))
        keep = min(0.99, step / (step + 20))
        for name, part in network.state_dict().items():
            mean[name].mul_(keep).add_(part.detach(), alpha=1 - keep)
        if step % 50 == 0:
            print(f"{step} {np.mean(recent[-50:]):.4f} {time.monotonic() - started:.0f} s", flush=True)
        if step % 200 == 0 or step == steps:
            half = {name: part.contiguous().numpy().astype(np.float16) for name, part in mean.items()}
            save_file(half, output)


def score(records: np.ndarray, pieces: int, seed: int) -> None:
    """Print precision, recall and intersection over union of each class by damage, on pieces not trained on.

    A pixel of trace or text counts as found, or rightly called, within one pixel of the truth; IoU is exact.
    """
    print("damage       class  precision recall  IoU  steep recall")
    for damage in DAMAGES:
        counts, steep = np.zeros((CLASSES, 6)), np.zeros(2)
        for number in range(pieces):
            rng = np.random.default_rng([seed, 2, DAMAGES.index(damage), number])
            piece = draw_piece(records, damage, rng)
            found = ink_network.ink_probabilities(piece.picture, ink_network.SCALE)
            sure = piece.label != UNSURE
            for k, (kind, p) in enumerate(((TRACE, found.trace), (TEXT, found.text), (GRID, found.grid))):
                true, said = piece.label == kind, (p > 0.5) & (sure | (kind != GRID))
                near_true, near_said = (
                    cv2.dilate(x.astype(np.uint8), np.ones((3, 3))) > 0 for x in (true, said)
                )
                counts[k] += ((said & near_true).sum(), said.sum(), (true & near_said).sum(), true.sum(),
                              (said & true).sum(), (said | true).sum())  # fmt: skip
                if kind == TRACE:
                    steep += (piece.steep & near_said).sum(), piece.steep.sum()
        for name, c in zip(("trace", "text", "grid"), counts, strict=True):
            shares = [
                f"{a / b:8.3f}" if b else "     n/a" for a, b in ((c[0], c[1]), (c[2], c[3]), (c[4], c[5]))
            ]
            tail = f"{steep[0] / steep[1]:8.3f}" if name == "trace" else ""
            print(f"{damage:12s} {name:6s}", *shares, tail)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    jobs = parser.add_subparsers(dest="job", required=True)
    drawing = jobs.add_parser("draw")
    drawing.add_argument("records", type=Path)
    drawing.add_argument("pool", type=Path)
    drawing.add_argument("--pieces", type=int, default=3000)
    drawing.add_argument("--part", default="0/1")
    training = jobs.add_parser("train")
    training.add_argument("pool", type=Path)
    training.add_argument("output", type=Path)
    training.add_argument("--steps", type=int, default=2400)
    scoring = jobs.add_parser("score")
    scoring.add_argument("records", type=Path)
    scoring.add_argument("--pieces", type=int, default=25)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.job == "draw":
        number, parts = (int(part) for part in given.part.split("/"))
        draw(read_records(given.records)[0], given.pool, given.pieces, (number, parts), given.seed)
    elif given.job == "train":
        train(given.pool, given.output, given.steps, given.seed)
    else:
        score(read_records(given.records)[1], given.pieces, given.seed)


if __name__ == "__main__":
    main()
