"""The segmenter: a U-Net that may be shown the AHA segments of the wall, and fused with an ECG.

Ramzan et al., arXiv 2511.14702. Every part is a switch of one configuration; with all of them off it is the
U-Net alone, under the same names, so that the weights of one load into the other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig
from scartools.network.residual_encoder import ResidualEncoder
from scartools.network.taff import Form, Taff, TaffConfig
from scartools.network.unet import UNet, UNetConfig

AHA_SEGMENTS = 17


@dataclass(frozen=True)
class SegmenterConfig:
    """What the network is made of.

    classes       labels it tells apart, background included
    features, strides, convolutions  of the U-Net, see UNetConfig
    prior         17 more input channels: the AHA segments of the wall
    ecg           an ECG encoder and the fusion
    time          the fusion sees the interval between ECG and MRI
    fusion        form of the fusion, see scartools.network.taff
    fusion_stage  encoder stage whose feature map is fused, 0 the finest
    encoder       of the ECG
    blocks        residual blocks of each encoder stage; () for the plain encoder
    """

    classes: int
    features: tuple[int, ...]
    strides: tuple[tuple[int, int], ...]
    convolutions: int = 2
    prior: bool = False
    ecg: bool = False
    time: bool = False
    fusion: Form = "corrected"
    fusion_stage: int = 3
    encoder: ECGAutoencoderConfig = field(default_factory=ECGAutoencoderConfig)
    blocks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.time and not self.ecg:
            raise ValueError("the interval has no meaning without an ECG")
        if self.ecg and not 0 <= self.fusion_stage < len(self.features):
            raise ValueError(f"fusion stage {self.fusion_stage} of {len(self.features)} stages")

    def unet(self) -> UNetConfig:
        """Return the size of the U-Net inside."""
        channels = 1 + (AHA_SEGMENTS if self.prior else 0)
        return UNetConfig(channels, self.classes, self.features, self.strides, self.convolutions)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` rebuilds this from."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> SegmenterConfig:
        """Rebuild a configuration; raises TypeError or ValueError for what is none."""
        strides = tuple((int(down), int(across)) for down, across in said["strides"])
        encoder = ECGAutoencoderConfig(**said["encoder"])
        tuples = {key: tuple(int(value) for value in said.get(key, ())) for key in ("features", "blocks")}
        return cls(**{**said, **tuples, "strides": strides, "encoder": encoder})


class Ecg(NamedTuple):
    """The ECGs of a batch.

    beat     (B, 12, 600) float, standardised; anything where absent
    days     (B,) float, absolute interval to the MRI in days; NaN unknown
    present  (B,) bool
    """

    beat: Tensor
    days: Tensor
    present: Tensor


class Segmented(NamedTuple):
    """What the network gave: logits, finest first; and, where an ECG was fused, its traces in the loss."""

    logits: list[Tensor]
    weights: Tensor | None = None  # (B, 2), of image and ECG
    reconstruction: Tensor | None = None  # (B, 12, 600)


class Segmenter(UNet):
    """See SegmenterConfig."""

    def __init__(self, config: SegmenterConfig) -> None:
        residual = ResidualEncoder(config.unet(), config.blocks) if config.blocks else None
        super().__init__(config.unet(), residual)
        if residual is not None:
            residual.start_as_skips()
        self.parts = config
        self.ecg: ECGAutoencoder | None = None
        self.taff: Taff | None = None
        if config.ecg:
            channels = config.features[config.fusion_stage]
            self.ecg = ECGAutoencoder(config.encoder)
            self.taff = Taff(TaffConfig(channels, config.encoder.code, config.time, form=config.fusion))

    def segment(
        self,
        image: Tensor,
        prior: Tensor | None = None,
        ecg: Ecg | None = None,
        *,
        all_resolutions: bool = False,
    ) -> Segmented:
        """Segment a batch of slices.

        image  (B, 1, H, W) float
        prior  (B, H, W) integer, AHA segment 1-17, 0 elsewhere; None, or all 0, where there is none
        ecg    None where no sample has one; the network then gives what its image path gives
        """
        x = image
        if self.parts.prior:
            segments = prior if prior is not None else torch.zeros_like(image[:, 0], dtype=torch.uint8)
            channels = functional.one_hot(segments.long(), AHA_SEGMENTS + 1)[..., 1:].movedim(-1, 1)
            x = torch.cat((image, channels.to(image.dtype)), dim=1)
        if self.ecg is None or self.taff is None or ecg is None:
            return Segmented(self(x, all_resolutions=all_resolutions))
        encoded = self.ecg(ecg.beat)
        seen: list[Tensor] = []

        def fuse(features: Tensor) -> Tensor:
            fused = self.taff(features, encoded.code, ecg.days, ecg.present)  # type: ignore[misc]
            seen.append(fused.weights)
            return fused.features

        logits = self(x, all_resolutions=all_resolutions, fuse=fuse, at=self.parts.fusion_stage)
        return Segmented(logits, seen[0], encoded.reconstruction)
