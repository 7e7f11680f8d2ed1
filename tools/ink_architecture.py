"""The network of scartools/ecg/ink_network.py in torch: what is trained; the package runs the same on numpy."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from scartools.ecg.ink_network import BLOCK, CLASSES, WIDTHS


class InkNetwork(nn.Module):
    """U-Net on blocks of pixels: float (N, 3 * BLOCK**2, h, w) -> logits (N, CLASSES * BLOCK**2, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.down0 = nn.Conv2d(3 * BLOCK * BLOCK, WIDTHS[0], 3, padding=1)
        for level in range(1, len(WIDTHS)):
            self.add_module(f"down{level}a", nn.Conv2d(WIDTHS[level - 1], WIDTHS[level], 3, padding=1))
            self.add_module(f"down{level}b", nn.Conv2d(WIDTHS[level], WIDTHS[level], 3, padding=1))
        for level in range(len(WIDTHS) - 1):
            self.add_module(f"narrow{level}", nn.Conv2d(WIDTHS[level + 1], WIDTHS[level], 1))
            self.add_module(f"up{level}", nn.Conv2d(2 * WIDTHS[level], WIDTHS[level], 3, padding=1))
        self.out = nn.Conv2d(WIDTHS[0], CLASSES * BLOCK * BLOCK, 1)

    def forward(self, page: torch.Tensor) -> torch.Tensor:
        held = [functional.relu(self.down0(page))]
        for level in range(1, len(WIDTHS)):
            inner = functional.max_pool2d(held[-1], 2)
            for step in "ab":
                inner = functional.relu(self.get_submodule(f"down{level}{step}")(inner))
            held.append(inner)
        below = held.pop()
        for level in reversed(range(len(WIDTHS) - 1)):
            narrow = self.get_submodule(f"narrow{level}")(below)
            wide = functional.interpolate(narrow, scale_factor=2.0, mode="nearest")
            both = torch.cat([wide, held.pop()], 1)
            below = functional.relu(self.get_submodule(f"up{level}")(both))
        return self.out(below)
