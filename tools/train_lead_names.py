"""Train the network of scartools/ecg/name_network.py on drawn letters and write its weights.

    python tools/train_lead_names.py scartools/ecg/weights/lead_names.safetensors

About six minutes on one core. The same seed gives the same pictures; the weights depend on the build of torch as well.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from drawn_names import Bank, draw_patch
from safetensors.numpy import save
from torch import nn
from torch.nn import functional

from scartools.ecg.name_network import NAMES, STRIDES


class NameNetwork(nn.Module):
    """The network as torch trains it; name_network holds the same in numpy."""

    def __init__(self) -> None:
        super().__init__()
        shapes = (
            (1, 16, (5, 5)),
            (16, 32, (3, 3)),
            (32, 48, (3, 3)),
            (48, 96, (3, 13)),
            (96, len(NAMES) + 1, (1, 1)),
        )
        self.layers = nn.ModuleList(
            nn.Conv2d(inside, out, size, stride=stride)
            for (inside, out, size), stride in zip(shapes, STRIDES, strict=True)
        )
        self.gate = nn.Conv2d(48, 1, (3, 13))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (N, names + 1, h, w) and the gate's (N, 1, h, w): whether there is any name."""
        for layer in self.layers[:3]:
            x = functional.relu(layer(x))
        gate = self.gate(x)
        x = functional.dropout(x, 0.1, self.training)
        x = functional.dropout(functional.relu(self.layers[3](x)), 0.2, self.training)
        return self.layers[4](x), gate


def stored_weights(net: NameNetwork) -> dict[str, np.ndarray]:
    """What load_weights reads: kernels in half precision."""
    named = {**{str(at): layer for at, layer in enumerate(net.layers)}, "gate": net.gate}
    stored = {}
    for name, layer in named.items():
        stored[f"{name}.weight"] = layer.weight.detach().numpy().astype(np.float16)
        stored[f"{name}.bias"] = layer.bias.detach().numpy().astype(np.float32)
    return stored


def draw(count: int, seed: int, names: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures uint8 (count, 1, H, W) and classes int64 (count,)."""
    rng, bank = np.random.default_rng(seed), Bank()
    drawn = [draw_patch(rng, bank, names=names) for _ in range(count)]
    pictures = np.stack([np.round(picture * 255).astype(np.uint8) for picture, _ in drawn])[:, None]
    return torch.from_numpy(pictures), torch.tensor([label for _, label in drawn])


def hard_ones(net: NameNetwork, count: int, seed: int) -> torch.Tensor:
    """Of `count` pictures without a name those that the network, half trained, takes for one: uint8 (N, 1, H, W)."""
    pictures, _ = draw(count, seed, names=False)
    net.eval()
    with torch.no_grad():
        none = torch.cat(
            [net(part.float() / 255)[0].flatten(1).softmax(1)[:, -1] for part in pictures.split(1000)]
        )
    return pictures[none < 0.8]


def train(count: int, epochs: int, seed: int) -> NameNetwork:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    started = time.monotonic()
    pictures, labels = draw(count, seed)
    held, held_labels = draw(count // 20, seed + 1)
    print(f"{count} pictures drawn in {time.monotonic() - started:.0f} s")
    net, size = NameNetwork(), 256
    steps = epochs * (count // size)
    best = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(best, 3e-3, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.03)
    for epoch in range(epochs):
        if epoch == epochs // 2:
            hard = hard_ones(net, count // 2, seed + 2)
            print(f"{len(hard)} hard pictures without a name, {time.monotonic() - started:.0f} s")
            pictures = torch.cat([pictures, hard])
            labels = torch.cat([labels, torch.full((len(hard),), len(NAMES))])
        net.train()
        order = torch.randperm(len(labels))[: count // size * size].reshape(-1, size)
        total = 0.0
        for batch in order:
            x = pictures[batch].float() / 255
            x = x * torch.empty(size, 1, 1, 1).uniform_(0.8, 1.2) + 0.03 * torch.randn_like(x)
            scores, gate = net(x.clamp(0, 1))
            named = (labels[batch] < len(NAMES)).float()
            loss = loss_of(scores.flatten(1), labels[batch])
            loss = loss + 0.5 * functional.binary_cross_entropy_with_logits(gate.flatten(), named)
            best.zero_grad()
            loss.backward()
            best.step()
            schedule.step()
            total += float(loss.detach())
        net.eval()
        with torch.no_grad():
            found = torch.cat([net(part.float() / 255)[0].flatten(1).argmax(1) for part in held.split(1000)])
        right = (found == held_labels).float()
        name = held_labels < len(NAMES)
        print(
            f"epoch {epoch + 1}: loss {total / len(order):.3f}, held out: {right[name].mean():.4f} of names right, "
            f"{right[~name].mean():.4f} of the others, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=220_000, help="pictures drawn")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    net = train(arguments.count, arguments.epochs, arguments.seed)
    arguments.output.write_bytes(save(stored_weights(net)))
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
