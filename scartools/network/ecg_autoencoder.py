"""Dual-attention autoencoder of a 12-lead median beat.

    beat (B, 12, 600) -> stem -> 5 strided blocks -> features (B, 12, 16, 19) --+-- time attention in each lead --+
                                                                                +-- attention between leads ------+-> code (B, 64)
    code (B, 64) -> two linear layers -> 5 upsampling blocks -> reconstruction (B, 12, 600)

Source: Chen C et al. Large language model-informed ECG dual attention network for heart failure risk
prediction. IEEE Trans Big Data 2025. arXiv:2403.10581. Three things differ by default, each with a switch back:

* Row k holds lead k (`lead_identity`). In the published stem a convolution over all leads, and a reshape that
  reads lead-major channels as if they were feature-major, come before the attention, so its maps belong to no
  lead. Here both stem convolutions are grouped by lead and the channels are read in their own order.
* No statistics are taken on the way to the attention (`normalisation`). BatchNorm shares its mean and variance
  over leads and over the batch while it trains, so one lead would move all others; a norm over each lead alone
  would keep leads apart but make low and high voltages look the same. The residual branches start small by a
  learned scale, which trains as well at this depth and keeps voltage.
* The reconstruction has the voltage of each lead (`output_norm`). A final InstanceNorm would give all leads the
  same size, and with it lose the ratios between leads that speak of scar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LEADS = 12
_HALVINGS = 5
_WIDTHS = (1, 2, 4, 4, 4, 4)  # channels of a lead after each halving, in units of `base`


@dataclass(frozen=True)
class ECGAutoencoderConfig:
    """What fixes the shape of the network.

    samples        of a beat; padded inside with zeros, as much on both sides, to a multiple of 32
    code           length of the code, even: half from average and half from maximum pooling
    base           channels a lead has after the stem
    heads          of both attentions; 4 x base and 4 x base x cells are divisible by it
    dropout        in the feed-forward part of both attentions
    attention      parallel: both read the features and are summed; serial: the leads' reads what time's made
    lead_identity  False: the published stem, which mixes leads before the attention
    normalisation  none, group (each lead alone; loses its voltage) or batch (published; mixes leads in training)
    output_norm    True: the published InstanceNorm of every reconstructed lead
    """

    samples: int = 600
    code: int = 64
    base: int = 4
    heads: int = 8
    dropout: float = 0.2
    attention: Literal["parallel", "serial"] = "parallel"
    lead_identity: bool = True
    normalisation: Literal["none", "group", "batch"] = "none"
    output_norm: bool = False

    def __post_init__(self) -> None:
        if self.samples < 2**_HALVINGS or self.code < 2 or self.code % 2 or self.base < 1 or self.heads < 1:
            raise ValueError(f"samples >= 32, an even code, base and heads >= 1 are needed: {self}")
        if self.width % self.heads:
            raise ValueError(f"4 x base ({self.width}) is not divisible by {self.heads} heads")
        if self.attention not in ("parallel", "serial") or self.normalisation not in ("none", "group", "batch"):
            raise ValueError(f"unknown attention or normalisation: {self}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout} is not in [0, 1)")

    @property
    def width(self) -> int:
        """Channels of a lead before the attention."""
        return self.base * _WIDTHS[-1]

    @property
    def cells(self) -> int:
        """Places in time before the attention, 32 samples each."""
        return math.ceil(self.samples / 2**_HALVINGS)


class ECGEncoding(NamedTuple):
    """What the network makes of a batch of beats; attention maps have rows that sum to 1 and are means over heads."""

    reconstruction: Tensor  # (B, 12, samples)
    code: Tensor  # (B, code)
    lead_attention: Tensor  # (B, 12, 12): row looks at column
    time_attention: Tensor  # (B, 12, cells, cells): for each lead, row looks at column


class ECGAutoencoder(nn.Module):
    """The whole network: `forward` for training and maps, `encode` for the code alone."""

    def __init__(self, config: ECGAutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or ECGAutoencoderConfig()
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)
        self.apply(_initialise)

    def forward(self, beat: Tensor) -> ECGEncoding:
        """Encode and reconstruct beats (B, 12, samples); absent leads are 0 in all samples."""
        code, lead_attention, time_attention = self.encoder(self._padded(beat))
        return ECGEncoding(self.decode(code), code, lead_attention, time_attention)

    def encode(self, beat: Tensor) -> Tensor:
        """Return the code (B, code) of beats (B, 12, samples)."""
        return self.encoder(self._padded(beat))[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return the beats (B, 12, samples) that a code (B, code) stands for."""
        left, _ = self._padding()
        return self.decoder(code)[..., left : left + self.config.samples]

    def lead_features(self, beat: Tensor) -> Tensor:
        """Return the features before both attentions, (B, 12, width, cells); row k comes from lead k alone."""
        return self.encoder.lead_features(self._padded(beat))

    def _padding(self) -> tuple[int, int]:
        missing = self.config.cells * 2**_HALVINGS - self.config.samples
        return missing // 2, missing - missing // 2

    def _padded(self, beat: Tensor) -> Tensor:
        if beat.ndim != 3 or beat.shape[1:] != (LEADS, self.config.samples):
            raise ValueError(f"beats are (B, {LEADS}, {self.config.samples}), not {tuple(beat.shape)}")
        return functional.pad(beat, self._padding())


class Encoder(nn.Module):
    """Padded beat (B, 12, T) -> code, attention between leads, attention in time."""

    def __init__(self, config: ECGAutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base * width for width in _WIDTHS]
        self.stem = Stem(config)
        self.blocks = nn.ModuleList(
            DownBlock(fewer, more, config.normalisation)
            for fewer, more in zip(widths[:-1], widths[1:], strict=True)
        )
        self.time_attention = nn.ModuleList(
            AttentionBlock(config.width, config.cells, config.heads, config.dropout) for _ in range(LEADS)
        )
        self.lead_attention = AttentionBlock(config.width * config.cells, LEADS, config.heads, config.dropout)
        self.average_head = nn.Conv1d(LEADS * config.width, config.code // 2, 1)
        self.maximum_head = nn.Conv1d(LEADS * config.width, config.code // 2, 1)

    def lead_features(self, padded: Tensor) -> Tensor:
        """Return (B, 12, width, cells). Leads are folded into the batch, where no convolution sees two of them."""
        features = self.stem(padded).flatten(0, 1)  # (B x 12, base, T)
        for block in self.blocks:
            features = block(features)
        return features.unflatten(0, (-1, LEADS))

    def forward(self, padded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the code (B, code), lead attention (B, 12, 12) and time attention (B, 12, cells, cells)."""
        features = self.lead_features(padded)
        in_time = features.transpose(2, 3)  # (B, 12, cells, width)
        each = [block(in_time[:, lead]) for lead, block in enumerate(self.time_attention)]
        timed = torch.stack([tokens for tokens, _ in each], dim=1).transpose(2, 3)
        parallel = self.config.attention == "parallel"
        tokens, lead_map = self.lead_attention((features if parallel else timed).flatten(2))
        between = tokens.unflatten(2, features.shape[2:])
        mixed = (timed + between if parallel else between).flatten(1, 2)  # (B, 12 x width, cells)
        code = torch.cat([self.average_head(mixed).mean(-1), self.maximum_head(mixed).amax(-1)], dim=1)
        return code, lead_map, torch.stack([weights for _, weights in each], dim=1)


class Stem(nn.Module):
    """Beat (B, 12, T) -> (B, 12, base, T)."""

    def __init__(self, config: ECGAutoencoderConfig) -> None:
        super().__init__()
        channels = LEADS * config.base
        self.lead_identity = config.lead_identity
        self.first = nn.Conv1d(LEADS, channels, 5, padding=2, groups=LEADS)
        self.second = nn.Conv1d(channels, channels, 5, padding=2, groups=LEADS if config.lead_identity else 1)
        normed = config.normalisation != "none"  # a group is a lead in the first layer
        self.first_norm = nn.GroupNorm(LEADS, channels) if normed else nn.Identity()
        self.second_norm = nn.GroupNorm(LEADS, channels) if normed else nn.Identity()

    def forward(self, padded: Tensor) -> Tensor:
        """Beats with room at both ends (B, 12, T) to features (B, 12, base, T)."""
        features = functional.gelu(self.first_norm(self.first(padded)))
        features = functional.gelu(self.second_norm(self.second(features)))
        if self.lead_identity:  # a convolution grouped by lead orders its channels lead by lead
            return features.unflatten(1, (LEADS, -1))
        return features.unflatten(1, (-1, LEADS)).transpose(1, 2)


class LeadConvolution(nn.Conv1d):
    """A convolution in time over (N, C, T) that keeps the few channels of a sample side by side in memory.

    The numbers are those of Conv1d; with 4 to 16 channels the processor is up to ten times faster this way. What follows
    keeps the order, so that the next one finds it: hence max_pool2d, and `transposed`.
    """

    def forward(self, features: Tensor, scale: Tensor | None = None) -> Tensor:
        """Convolve; scale: a factor (out, 1) of each channel, which is cheaper on the weights than on what they give."""
        weight, bias = self.weight, self.bias
        if scale is not None:
            weight, bias = weight * scale[:, :, None], None if bias is None else bias * scale[:, 0]
        padding = (0, int(self.padding[0]))
        return functional.conv2d(
            _side_by_side(features), weight[:, :, None], bias, (1, self.stride[0]), padding
        ).squeeze(2)


def transposed(layer: nn.ConvTranspose1d, features: Tensor) -> Tensor:
    """What a transposed convolution in time makes of (N, C, T), to rounding, in the order of memory of LeadConvolution."""
    kernel = layer.weight[:, :, None]
    stride, padding = (1, layer.stride[0]), (0, int(layer.padding[0]))
    return functional.conv_transpose2d(_side_by_side(features), kernel, layer.bias, stride, padding).squeeze(2)


def _side_by_side(features: Tensor) -> Tensor:
    """(N, C, T) to (N, C, 1, T), the channels of a sample next to each other in memory."""
    return features[:, :, None].contiguous(memory_format=torch.channels_last)


class DownBlock(nn.Module):
    """Half as many samples: (N, fewer, T) -> (N, more, T/2)."""

    def __init__(self, fewer: int, more: int, normalisation: str) -> None:
        super().__init__()
        bias = normalisation == "none"
        self.first = LeadConvolution(fewer, more, 5, stride=2, padding=2, bias=bias)
        self.second = LeadConvolution(more, more, 5, padding=2, bias=bias)
        self.first_norm = _norm(more, normalisation)
        self.second_norm = _norm(more, normalisation, ends_branch=True)
        self.skip = LeadConvolution(fewer, more, 1)

    def forward(self, features: Tensor) -> Tensor:
        features = _side_by_side(features).squeeze(2)
        branch = functional.leaky_relu(self.first_norm(self.first(features)))
        pooled = functional.max_pool2d(features[:, :, None], (1, 2)).squeeze(2)
        return functional.gelu(_scaled(self.second, self.second_norm, branch) + self.skip(pooled))


class UpBlock(nn.Module):
    """Twice as many samples: (N, more, T) -> (N, fewer, 2T)."""

    def __init__(self, more: int, fewer: int, normalisation: str) -> None:
        super().__init__()
        bias = normalisation == "none"
        self.up = nn.ConvTranspose1d(more, fewer, 4, stride=2, padding=1)
        self.first = LeadConvolution(fewer, fewer, 5, padding=2, bias=bias)
        self.second = LeadConvolution(fewer, fewer, 5, padding=2, bias=bias)
        self.first_norm = _norm(fewer, normalisation)
        self.second_norm = _norm(fewer, normalisation, ends_branch=True)

    def forward(self, features: Tensor) -> Tensor:
        larger = transposed(self.up, features)
        branch = functional.leaky_relu(self.first_norm(self.first(larger)))
        return functional.gelu(larger + _scaled(self.second, self.second_norm, branch))


def _scaled(convolution: LeadConvolution, norm: nn.Module, features: Tensor) -> Tensor:
    """The end of a branch: the norm of what a convolution makes of the features."""
    if isinstance(norm, BranchScale):
        return convolution(features, norm.factor)
    return norm(convolution(features))


class AttentionBlock(nn.Module):
    """Pre-norm transformer layer over tokens with sinusoidal places: (B, tokens, width) -> the same, and its map."""

    places: Tensor

    def __init__(self, width: int, tokens: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("places", sinusoidal_places(tokens, width), persistent=False)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, tokens, width) and the attention (B, tokens, tokens), the mean over heads."""
        tokens = tokens + self.places
        normed = self.attention_norm(tokens)
        mixed, weights = self.attention(normed, normed, normed, need_weights=True)
        tokens = tokens + mixed
        hidden = self.dropout(functional.gelu(self.widen(self.feed_norm(tokens))))
        return tokens + self.dropout(self.narrow(hidden)), weights


class Decoder(nn.Module):
    """Code (B, code) -> padded beat (B, 12, T)."""

    def __init__(self, config: ECGAutoencoderConfig) -> None:
        super().__init__()
        self.base, self.cells = config.base, config.cells
        self.spread = nn.Linear(config.code, config.base * config.cells)
        self.to_leads = nn.Linear(config.base * config.cells, config.base * LEADS * config.cells)
        widths = [config.base, *(config.base * width for width in reversed(_WIDTHS[:-1]))]
        self.blocks = nn.ModuleList(
            UpBlock(more, fewer, config.normalisation)
            for more, fewer in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = LeadConvolution(widths[-1], widths[-1], 5, padding=2)
        self.to_signal = LeadConvolution(widths[-1], 1, 1)
        self.lead_scale = nn.Conv1d(LEADS, LEADS, 1, groups=LEADS)
        self.output_norm = nn.InstanceNorm1d(LEADS) if config.output_norm else nn.Identity()

    def forward(self, code: Tensor) -> Tensor:
        """Codes (B, code) to signals (B, 12, T)."""
        features = self.to_leads(self.spread(code)).unflatten(1, (LEADS, self.base, self.cells)).flatten(0, 1)
        for block in self.blocks:
            features = block(features)
        features = features + functional.gelu(self.last(features))
        signals = self.to_signal(features).squeeze(1).unflatten(0, (-1, LEADS))  # (B, 12, T)
        return self.output_norm(self.lead_scale(signals))


class BranchScale(nn.Module):
    """A learned factor for each channel of a residual branch, small at first so that depth does not add up."""

    def __init__(self, channels: int, start: float = 0.2) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((channels, 1), start))

    def forward(self, features: Tensor) -> Tensor:
        return features * self.factor


def sinusoidal_places(tokens: int, width: int) -> Tensor:
    """Return the sines and cosines (tokens, width) that tell places apart (Vaswani et al. 2017)."""
    place = torch.arange(tokens, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    places = torch.zeros(tokens, width)
    places[:, 0::2] = torch.sin(place * rate)
    places[:, 1::2] = torch.cos(place * rate)[:, : width // 2]
    return places


def _norm(channels: int, normalisation: str, *, ends_branch: bool = False) -> nn.Module:
    """Return the norm of (N, channels, T), where each of the N is one lead of one beat."""
    if normalisation == "batch":
        return nn.BatchNorm1d(channels)
    if normalisation == "group":
        return nn.GroupNorm(1, channels)
    return BranchScale(channels) if ends_branch else nn.Identity()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
