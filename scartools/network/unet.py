"""The 2D U-Net: nnU-Net's plain convolutional network, under nnU-Net's module names.

Isensee et al., Nature Methods 2021;18:203, doi:10.1038/s41592-020-01008-z; Ronneberger et al., MICCAI 2015,
doi:10.1007/978-3-319-24574-4_28. Stages of two 3 x 3 convolutions, instance normalisation and leaky ReLU;
strided convolutions down, transposed convolutions up; one output per resolution for deep supervision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SLOPE = 1e-2  # of the leaky ReLU
Fuse = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class UNetConfig:
    """The size of a U-Net.

    input_channels  1 for the image alone
    classes         outputs, background included
    features        channels of each stage, finest first
    strides         (down, across) of the first convolution of each stage; (1, 1) for the first
    convolutions    of each stage, on both sides
    """

    input_channels: int
    classes: int
    features: tuple[int, ...]
    strides: tuple[tuple[int, int], ...]
    convolutions: int = 2

    def __post_init__(self) -> None:
        if len(self.features) != len(self.strides) or len(self.features) < 2:
            raise ValueError(f"{len(self.features)} features and {len(self.strides)} strides")


class ConvNormAct(nn.Module):
    """3 x 3 convolution, instance normalisation, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm = nn.InstanceNorm2d(outputs, eps=1e-5, affine=True)
        self.nonlin = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.nonlin(self.norm(self.conv(x)))


class StackedConvs(nn.Module):
    """One stage: convolutions in a row, the first of them with the stride."""

    def __init__(self, inputs: int, outputs: int, count: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        first = ConvNormAct(inputs, outputs, stride)
        self.convs = nn.Sequential(first, *(ConvNormAct(outputs, outputs) for _ in range(count - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.convs(x)


class Encoder(nn.Module):
    """The way down: one feature map a stage."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        inputs = (config.input_channels, *config.features[:-1])
        self.stages = nn.Sequential(
            *(
                nn.Sequential(StackedConvs(i, o, config.convolutions, stride))
                for i, o, stride in zip(inputs, config.features, config.strides, strict=True)
            )
        )

    def forward(self, x: Tensor, fuse: Fuse | None = None, at: int = -1) -> list[Tensor]:
        """Feature maps, finest first; that of stage `at` goes through `fuse` before the next stage sees it."""
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if fuse is not None and number == at:
                x = fuse(x)
            maps.append(x)
        return maps


class Decoder(nn.Module):
    """The way up, with a skip from each stage and a segmentation at each resolution."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        stages, upward, heads = [], [], []
        for number in range(len(config.features) - 1, 0, -1):
            below, here, stride = config.features[number], config.features[number - 1], config.strides[number]
            upward.append(nn.ConvTranspose2d(below, here, stride, stride=stride))
            stages.append(StackedConvs(2 * here, here, config.convolutions))
            heads.append(nn.Conv2d(here, config.classes, 1))
        self.stages = nn.ModuleList(stages)
        self.transpconvs = nn.ModuleList(upward)
        self.seg_layers = nn.ModuleList(heads)

    def forward(self, maps: list[Tensor], all_resolutions: bool) -> list[Tensor]:
        """Logits, finest first: one for each resolution, or the finest alone."""
        x, outputs = maps[-1], []
        last = len(self.stages) - 1
        for number, (up, stage, head) in enumerate(
            zip(self.transpconvs, self.stages, self.seg_layers, strict=True)
        ):
            x = stage(torch.cat((up(x), maps[-(number + 2)]), dim=1))
            if all_resolutions or number == last:
                outputs.append(head(x))
        return outputs[::-1]


class UNet(nn.Module):
    """Encoder and decoder; see UNetConfig for the size.

    encoder  another one that gives the same feature maps; None: the plain one
    """

    def __init__(self, config: UNetConfig, encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config) if encoder is None else encoder
        self.decoder = Decoder(config)
        self.apply(_he_initialised)

    def forward(
        self, x: Tensor, *, all_resolutions: bool = False, fuse: Fuse | None = None, at: int = -1
    ) -> list[Tensor]:
        """Segment a batch of slices.

        x                (B, input_channels, H, W); H and W divisible by the product of the strides
        all_resolutions  one output for each resolution, for deep supervision; else the finest alone
        fuse, at         what is done to the feature map of encoder stage `at`
        Returns logits (B, classes, H, W), then those of the coarser resolutions.
        """
        maps = self.encoder(x, fuse, at)
        return self.decoder(maps, all_resolutions)


def _he_initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, a=SLOPE)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
