"""Train the network of scartools/ecg/line_network.py on drawn lines of print and write its weights.

    python tools/train_printed_lines.py scartools/ecg/weights/printed_lines.safetensors

About ten minutes on one core. The same seed gives the same pictures; the weights depend on the build of torch as
well.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from drawn_lines import draw_line
from drawn_names import Bank
from safetensors.numpy import save
from torch import nn
from torch.nn import functional

from scartools.ecg.line_network import BLANK, CHARACTERS, KERNELS, SEEN, STRIDES


class LineNetwork(nn.Module):
    """The network as torch trains it; line_network holds the same in numpy."""

    def __init__(self) -> None:
        super().__init__()
        layers = [
            nn.Conv2d(inside, out, size, stride=stride)
            for (inside, out, size), stride in zip(KERNELS, STRIDES, strict=True)
        ]
        self.layers = nn.ModuleList([*layers, nn.Conv2d(KERNELS[-1][1], len(CHARACTERS) + 1, 1)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 1, HIGH, W) to log probabilities (T, N, characters + 1)."""
        x = functional.pad(x, (SEEN // 2, SEEN // 2))
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        x = functional.dropout(x, 0.15, self.training)
        return self.layers[-1](x).squeeze(2).permute(2, 0, 1).log_softmax(2)


def stored_weights(net: LineNetwork) -> dict[str, np.ndarray]:
    """What load_weights reads: kernels in half precision."""
    stored = {}
    for at, layer in enumerate(net.layers):
        stored[f"{at}.weight"] = layer.weight.detach().numpy().astype(np.float16)
        stored[f"{at}.bias"] = layer.bias.detach().numpy().astype(np.float32)
    return stored


def draw(count: int, seed: int, bank: Bank) -> tuple[torch.Tensor, list[str]]:
    """Pictures uint8 (count, 1, H, W) and what they say."""
    rng = np.random.default_rng(seed)
    drawn = [draw_line(rng, bank) for _ in range(count)]
    pictures = np.stack([np.round(picture * 255).astype(np.uint8) for picture, _ in drawn])[:, None]
    return torch.from_numpy(pictures), [text for _, text in drawn]


def _said(scores: torch.Tensor) -> list[str]:
    """The likeliest characters (T, N, classes), repeats and blanks taken out."""
    texts = []
    for best in scores.argmax(2).T.tolist():
        kept = [at for at, before in zip(best, [BLANK, *best[:-1]], strict=True) if at not in (before, BLANK)]
        texts.append("".join(CHARACTERS[at] for at in kept))
    return texts


def train(count: int, epochs: int, seed: int) -> LineNetwork:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    started, bank = time.process_time(), Bank()
    pictures, texts = draw(count, seed, bank)
    held, held_texts = draw(1000, seed + 1, bank)
    print(f"{count} pictures drawn in {time.process_time() - started:.0f} s", flush=True)
    codes = [torch.tensor([CHARACTERS.index(sign) for sign in text], dtype=torch.long) for text in texts]
    net, size = LineNetwork(), 64
    steps = epochs * (count // size)
    best = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(best, 3e-3, total_steps=steps, pct_start=0.15)
    loss_of = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    for epoch in range(epochs):
        net.train()
        total, order = 0.0, torch.randperm(count)[: count // size * size].reshape(-1, size)
        for batch in order:
            x = pictures[batch].float() / 255
            x = x * torch.empty(size, 1, 1, 1).uniform_(0.8, 1.2) + 0.03 * torch.randn_like(x)
            scores = net(x.clamp(0, 1))
            wanted = [codes[at] for at in batch.tolist()]
            lengths = torch.tensor([len(code) for code in wanted])
            loss = loss_of(scores, torch.cat(wanted), torch.full((size,), len(scores)), lengths)
            best.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            best.step()
            schedule.step()
            total += float(loss.detach())
        net.eval()
        with torch.no_grad():
            found = [text for part in held.split(200) for text in _said(net(part.float() / 255))]
        right = np.mean([text == true for text, true in zip(found, held_texts, strict=True)])
        print(
            f"epoch {epoch + 1}: loss {total / len(order):.3f}, {right:.3f} of the lines held out are right,"
            f" {time.process_time() - started:.0f} s",
            flush=True,
        )
    for text, true in list(zip(found, held_texts, strict=True))[:12]:
        print(f"    {true!r} read as {text!r}")
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=30_000, help="pictures drawn")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    net = train(arguments.count, arguments.epochs, arguments.seed)
    arguments.output.write_bytes(save(stored_weights(net)))
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
