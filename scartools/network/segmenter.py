"""The segmenter: a U-Net that may be shown the AHA segments of the wall, and fused with an ECG.

Ramzan et al., arXiv 2511.14702, for the fusion `taff`; `segment` is that of segment_fusion. Every part is a switch of
one configuration; with all of them off it is the U-Net alone, under the same names, so that the weights of one load
into the other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig
from scartools.network.residual_encoder import ResidualEncoder
from scartools.network.segment_fusion import SEGMENTS, SegmentFusion, SegmentFusionConfig, Spoken
from scartools.network.taff import Form, Taff, TaffConfig
from scartools.network.unet import UNet, UNetConfig

AHA_SEGMENTS = SEGMENTS
FusionName = Literal["taff", "segment"]


@dataclass(frozen=True)
class SegmenterConfig:
    """What the network is made of.

    classes       labels it tells apart, background included
    features, strides, convolutions  of the U-Net, see UNetConfig
    prior         17 more input channels: the AHA segments of the wall. The fusion "segment" paints into the segments
                  with these channels and without them
    ecg           an ECG encoder and the fusion
    time          the fusion sees the interval between ECG and MRI
    fusion        "taff", the published one, or "segment"; taff_form: see scartools.network.taff
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
    fusion: FusionName = "taff"
    fusion_stage: int = 3
    encoder: ECGAutoencoderConfig = field(default_factory=ECGAutoencoderConfig)
    blocks: tuple[int, ...] = ()
    taff_form: Form = "corrected"

    def __post_init__(self) -> None:
        if self.time and not self.ecg:
            raise ValueError("the interval has no meaning without an ECG")
        if self.ecg and not 0 <= self.fusion_stage < len(self.features):
            raise ValueError(f"fusion stage {self.fusion_stage} of {len(self.features)} stages")
        if self.fusion not in ("taff", "segment"):
            raise ValueError(f"unknown fusion {self.fusion!r}")

    def sees_segments(self) -> bool:
        """Return whether the segments make a difference: as input, or as the place where the ECG speaks."""
        return self.prior or (self.ecg and self.fusion == "segment")

    def unet(self) -> UNetConfig:
        """Return the size of the U-Net inside."""
        channels = 1 + (AHA_SEGMENTS if self.prior else 0)
        return UNetConfig(channels, self.classes, self.features, self.strides, self.convolutions)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` rebuilds this from."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> SegmenterConfig:
        """Rebuild a configuration, of an earlier version too; raises TypeError or ValueError for what is none."""
        said = with_named_fusion(said)
        strides = tuple((int(down), int(across)) for down, across in said["strides"])
        encoder = ECGAutoencoderConfig(**said["encoder"])
        tuples = {key: tuple(int(value) for value in said.get(key, ())) for key in ("features", "blocks")}
        return cls(**{**said, **tuples, "strides": strides, "encoder": encoder})


def with_named_fusion(said: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose fusion has a name; it was the form of TAFF when there was no other."""
    if said.get("fusion") in ("corrected", "paper"):
        return {**said, "fusion": "taff", "taff_form": said["fusion"]}
    return said


class Ecg(NamedTuple):
    """The ECGs of a batch.

    beat       (B, 12, 600) float, standardised; anything where absent
    days       (B,) float, absolute interval to the MRI in days; NaN unknown
    present    (B,) bool
    quality    (B,) float, 0 to 1, NaN unknown; None: of all
    logits     (B, 17) float, of scar in each segment, in place of what the encoder says of the beat, NaN unknown: those of
               patients to learn from, or the truth, a ceiling; None: the encoder speaks
    code       (B, code) of the beats, where they were encoded before; None: they are encoded, and restored for the loss
    """

    beat: Tensor
    days: Tensor
    present: Tensor
    quality: Tensor | None = None
    logits: Tensor | None = None
    code: Tensor | None = None


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
        self.segment_fusion: SegmentFusion | None = None
        if config.ecg:
            channels, code = config.features[config.fusion_stage], config.encoder.code
            self.ecg = ECGAutoencoder(config.encoder)
            if config.fusion == "taff":
                self.taff = Taff(TaffConfig(channels, code, config.time, form=config.taff_form))
            else:
                self.segment_fusion = SegmentFusion(
                    SegmentFusionConfig(channels, config.classes, code, config.time)
                )

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
        x, channels = image, None
        if self.parts.prior or (self.segment_fusion is not None and ecg is not None):
            segments = prior if prior is not None else torch.zeros_like(image[:, 0], dtype=torch.uint8)
            channels = functional.one_hot(segments.long(), AHA_SEGMENTS + 1)[..., 1:].movedim(-1, 1)
            channels = channels.to(image.dtype)
        if self.parts.prior and channels is not None:
            x = torch.cat((image, channels), dim=1)
        if ecg is None:
            return Segmented(self(x, all_resolutions=all_resolutions))
        if self.taff is not None:
            return self._by_taff(self.taff, x, ecg, all_resolutions)
        if self.segment_fusion is not None and channels is not None:
            return self._by_segments(self.segment_fusion, x, channels, ecg, all_resolutions)
        return Segmented(self(x, all_resolutions=all_resolutions))

    def _by_taff(self, taff: Taff, x: Tensor, ecg: Ecg, all_resolutions: bool) -> Segmented:
        code, reconstruction = self._encoded(ecg)
        seen: list[Tensor] = []

        def fuse(features: Tensor) -> Tensor:
            """Fuse the feature map of the chosen stage, and keep the weights."""
            fused = taff(features, code, ecg.days, ecg.present)
            seen.append(fused.weights)
            return fused.features

        logits = self(x, all_resolutions=all_resolutions, fuse=fuse, at=self.parts.fusion_stage)
        return Segmented(logits, seen[0], reconstruction)

    def _encoded(self, ecg: Ecg) -> tuple[Tensor, Tensor | None]:
        """Return codes (B, code), and restored beats (B, 12, 600) where the beats are encoded here; 0 where absent.

        Only those that are there are encoded: it is what an ECG costs.
        """
        if ecg.code is not None:
            return ecg.code, None
        there = ecg.present.nonzero()[:, 0]
        if self.ecg is None or not len(there):
            return ecg.beat.new_zeros((len(ecg.beat), self.parts.encoder.code)), None
        encoded = self.ecg(ecg.beat[there])
        code, restored = (
            part.new_zeros((len(ecg.beat), *part.shape[1:])).index_copy(0, there, part)
            for part in (encoded.code, encoded.reconstruction)
        )
        return code, restored

    def _by_segments(
        self, fusion: SegmentFusion, x: Tensor, segments: Tensor, ecg: Ecg, all_resolutions: bool
    ) -> Segmented:
        """Fuse by segments (B, 17, H, W); logits that are given take the place of the encoder's."""
        seen: list[Spoken] = []
        quality = torch.full_like(ecg.days, torch.nan) if ecg.quality is None else ecg.quality
        said = fusion.logits(self._encoded(ecg)[0], ecg.beat) if ecg.logits is None else ecg.logits

        def fuse(features: Tensor) -> Tensor:
            """Fuse the feature map of the chosen stage, and keep the trust."""
            spoken = fusion(features, said, segments, ecg.days, quality, ecg.present)
            seen.append(spoken)
            return spoken.features

        logits = self(x, all_resolutions=all_resolutions, fuse=fuse, at=self.parts.fusion_stage)
        (spoken,) = seen
        weights = torch.stack((1 - spoken.trust, spoken.trust), dim=1)
        return Segmented([logits[0] + spoken.added, *logits[1:]], weights)
