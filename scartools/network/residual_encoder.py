"""The residual encoder of nnU-Net's ResEnc presets, under nnU-Net's module names.

Isensee et al., MICCAI 2024, arXiv 2404.09556; He et al., CVPR 2019, arXiv 1812.01187 (the skip of a strided block
is averaged before its 1 x 1 convolution). A stem of one convolution, then stages of basic blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scartools.network.unet import SLOPE, ConvNormAct, Fuse, StackedConvs, UNetConfig


class ConvNorm(nn.Module):
    """Convolution and instance normalisation; the activation comes after the sum."""

    def __init__(self, inputs: int, outputs: int, edge: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, edge, padding=edge // 2, bias=edge > 1)
        self.norm = nn.InstanceNorm2d(outputs, eps=1e-5, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and what goes past them."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(inputs, outputs, stride)
        self.conv2 = ConvNorm(outputs, outputs, 3)
        self.nonlin2 = nn.LeakyReLU(SLOPE, inplace=True)
        past: list[nn.Module] = []
        if stride != (1, 1):
            past.append(nn.AvgPool2d(stride, stride))
        if inputs != outputs:
            past.append(ConvNorm(inputs, outputs, 1))
        self.skip = nn.Sequential(*past)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))


class StackedBlocks(nn.Module):
    """One stage: blocks in a row, the first of them with the stride."""

    def __init__(self, inputs: int, outputs: int, count: int, stride: tuple[int, int]) -> None:
        super().__init__()
        first = ResidualBlock(inputs, outputs, stride)
        self.blocks = nn.Sequential(first, *(ResidualBlock(outputs, outputs) for _ in range(count - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.blocks(x)


class ResidualEncoder(nn.Module):
    """The way down: one feature map a stage.

    config  of the U-Net; its convolutions are those of the decoder alone
    blocks  of each stage
    """

    def __init__(self, config: UNetConfig, blocks: tuple[int, ...]) -> None:
        super().__init__()
        if len(blocks) != len(config.features) or min(blocks) < 1:
            raise ValueError(f"{len(config.features)} stages and blocks {blocks}")
        self.stem = StackedConvs(config.input_channels, config.features[0], 1)
        inputs = (config.features[0], *config.features[:-1])
        self.stages = nn.Sequential(
            *(
                StackedBlocks(i, o, count, stride)
                for i, o, count, stride in zip(inputs, config.features, blocks, config.strides, strict=True)
            )
        )

    def forward(self, x: Tensor, fuse: Fuse | None = None, at: int = -1) -> list[Tensor]:
        """Feature maps, finest first; that of stage `at` goes through `fuse` before the next stage sees it."""
        x = self.stem(x)
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if fuse is not None and number == at:
                x = fuse(x)
            maps.append(x)
        return maps

    @torch.no_grad()
    def start_as_skips(self) -> None:
        """Let each block begin as what goes past it: the last normalisation of the two convolutions gives 0."""
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                module.conv2.norm.weight.zero_()
                module.conv2.norm.bias.zero_()
