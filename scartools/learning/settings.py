"""Everything about a training that can be switched: one frozen dataclass, stored in model.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from scartools.errors import InputError
from scartools.learning.planning import RESIDUAL_BLOCKS, topology
from scartools.network.segmenter import FusionName, with_named_fusion
from scartools.network.taff import Form

EPOCH = 250  # iterations, as in nnU-Net
SHORT_GATE_RATE = (
    1e-2  # of the fusion by segments in a few hundred iterations: at 1e-3 its votes stay below 0.2 logits
)
FUSION_STAGES = {"taff": 3, "segment": 1}  # sectors are told apart where pixels are fine
PriorSource = Literal["none", "predicted", "manual", "truth"]
Preset = Literal["tiny", "small", "nnunet"]
NetworkName = Literal["plain", "residual"]


@dataclass(frozen=True)
class Size:
    """How large a network is and how long it learns.

    features          channels of the finest stage; they double with each stage up to `most_features`
    patch             edge lengths of a training crop, pixels (down, across)
    batch             crops an iteration; iterations: of the last network
    anatomy_iterations  of each network of the first stage
    """

    features: int
    most_features: int
    patch: tuple[int, int]
    batch: int
    iterations: int
    anatomy_iterations: int

    def stages(self) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        """Return the channels and strides of the stages, by nnU-Net's rule for pixels that are square."""
        _, strides = topology((1.0, 1.0), self.patch)
        return tuple(
            min(self.features * 2**stage, self.most_features) for stage in range(len(strides))
        ), strides

    def fitted(self) -> Size:
        """Return this size with patch edges that the strides divide."""
        patch, _ = topology((1.0, 1.0), self.patch)
        return replace(self, patch=patch)


@dataclass(frozen=True)
class Settings:
    """One training.

    ema              decay of the averaged weights, which are kept in the end; 0: those of the last iteration are
    around_heart     a finder looks for the heart first, and the others see one window around it
    regions          heart, wall and infarct count in the loss too, each as one
    network          plain, or nnU-Net's residual encoder: of both stages
    prior_source     where the wall comes from that the AHA segments are drawn in; "none": no segments
    prior_channels   the last network is shown the segments; without, they only say where the fusion by segments paints
    ecg, time        the fusion, and whether it sees the interval
    fusion           "taff", the published one, in the "corrected" or the "paper" form (taff_form); or "segment"
    fusion_stage     encoder stage, 0 the finest
    anchor, angle    of the AHA segments, as in aha17
    cross_fit        folds of the first stage: a training patient's prior comes from a network that never saw it
    ecg_dropout      part of the crops that are shown without their ECG; prior_dropout: without the prior
    foreground       part of each batch whose crop is centred on a labelled pixel
    rotation_deg     largest rotation, each way; mirror: flips (refused with a prior or an ECG)
    rates            of the three optimisers, largest value
    ecg_weight       of the reconstruction in the loss, at the end of a quadratic warm-up of `ecg_warm_up` of the
                     iterations; entropy_weight: of the entropy term of TAFF's gate
    ecg_every        the encoder of the ECG learns in one iteration of so many, and only encodes in the others
    freeze_encoder   the ECG's encoder stays as it was pretrained, as it always does in the fusion by segments
    shuffle_ecg      control: each patient is given another's ECG, here and at prediction; shuffle_interval: another's
                     interval; oracle_ecg: the true parts of scar of the 17 segments in place of the encoder, a ceiling
    Ramzan et al., arXiv 2511.14702; Isensee et al., Nature Methods 2021;18:203.
    """

    size: Size
    preset: Preset = "small"
    prior_source: PriorSource = "predicted"
    ecg: bool = True
    time: bool = True
    fusion: FusionName = "taff"
    fusion_stage: int = 3
    anchor: str = "auto"
    angle: float | None = None
    cross_fit: int = 3
    ecg_dropout: float = 0.3
    prior_dropout: float = 0.1
    foreground: float = 0.33
    rotation_deg: float = 20.0
    mirror: bool = False
    image_rate: float = 1e-2
    momentum: float = 0.99
    ecg_rate: float = 1e-4
    gate_rate: float = 1e-3
    warm_up: float = 0.1
    ecg_weight: float = 0.5
    ecg_warm_up: float = 0.05
    entropy_weight: float = 3e-3
    gradient_clip: float = 12.0
    seed: int = 0
    network: NetworkName = "plain"
    ema: float = 0.0
    regions: bool = False
    around_heart: bool = False
    taff_form: Form = "corrected"
    freeze_encoder: bool = False
    ecg_every: int = 1
    shuffle_ecg: bool = False
    shuffle_interval: bool = False
    oracle_ecg: bool = False
    prior_channels: bool = True

    def __post_init__(self) -> None:
        if self.time and not self.ecg:
            raise InputError("the interval has no meaning without an ECG", remedy="Use --no-time with --no-ecg")
        stages = len(self.size.stages()[0])
        if self.ecg and not 0 <= self.fusion_stage < stages:
            raise InputError(
                f"the fusion stage {self.fusion_stage} is none of the {stages} stages of this network",
                remedy=f"Use --fusion-stage 0 to {stages - 1}",
            )
        self._require_fusion()
        if self.mirror and (self.ecg or self.prior_source != "none"):
            raise InputError(
                "mirroring puts the septum on the wrong side, which prior and ECG contradict",
                remedy="Use it with --no-prior --no-ecg only",
            )

    def _require_fusion(self) -> None:
        if self.ecg and self.fusion == "segment" and self.prior_source == "none":
            raise InputError(
                "the fusion by segments paints into the AHA segments, and there are none without a prior",
                remedy="Use --no-prior-channels in place of --no-prior, or --fusion taff",
            )
        if not self.prior_channels and not (self.ecg and self.fusion == "segment"):
            raise InputError(
                "segments that the network is not shown are of use to the fusion by segments alone",
                remedy="Use --no-prior-channels with --fusion segment",
            )
        if self.oracle_ecg and not (self.ecg and self.fusion == "segment"):
            raise InputError(
                "the true parts of scar are of segments, which only the fusion by segments looks at",
                remedy="Use --oracle-ecg with --fusion segment",
            )
        if (self.shuffle_ecg and not self.ecg) or (self.shuffle_interval and not self.time):
            raise InputError(
                "what the network does not see cannot be shuffled",
                remedy="Leave --shuffle-ecg, --shuffle-interval out",
            )
        if self.shuffle_ecg and self.oracle_ecg:
            raise InputError("the ECG is either another's or the truth", remedy="Use one control at a time")

    def tunes_encoder(self) -> bool:
        """Return whether the encoder of the ECG learns with the network."""
        return self.ecg and self.fusion == "taff" and not self.freeze_encoder

    def blocks(self) -> tuple[int, ...]:
        """Return the residual blocks of each encoder stage; () for the plain network."""
        return RESIDUAL_BLOCKS[: len(self.size.stages()[0])] if self.network == "residual" else ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` rebuilds this from."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Settings:
        """Rebuild settings from `to_json`, of an earlier version too."""
        said = with_named_fusion(said)
        size = Size(**{**said["size"], "patch": tuple(said["size"]["patch"])})
        known = {
            key: value for key, value in said.items() if key != "presence_weight"
        }  # of a loss that is gone
        return cls(**{**known, "size": size})


def network_of(plan: Mapping[str, Any]) -> NetworkName:
    """Return the kind of network that a data set was planned for."""
    return "plain" if plan.get("Network", "plain") == "plain" else "residual"


def rates_of(preset: Preset, fusion: FusionName = "taff") -> dict[str, Any]:
    """Return the preset's image_rate, momentum, foreground, ecg_every and, of the fusion by segments, gate_rate.

    nnU-Net's momentum of 0.99 remembers a hundred iterations, too many for a schedule of a thousand: the short
    presets keep its step, rate / (1 - momentum) = 1, with a memory of ten. Small scars are rarely met in few
    crops, so two thirds of them are centred on a label. On 20 simulated hearts the tiny network had learned no
    class after 300 iterations with 0.99, and pool and wall after 300 with 0.9.
    A beat that is learned from costs 0.4 of a crop of the small network (one core): there the ECG's encoder learns in
    every eighth iteration, and encodes in all.
    """
    if preset == "nnunet":
        return {"image_rate": 1e-2, "momentum": 0.99, "foreground": 0.33, "ecg_every": 1}
    gate = {"gate_rate": SHORT_GATE_RATE} if fusion == "segment" else {}
    return {"image_rate": 0.1, "momentum": 0.9, "foreground": 0.67, "ecg_every": 8, **gate}


def size_of(
    preset: Preset,
    plan: Mapping[str, Any],
    *,
    iterations: int | None = None,
    anatomy_iterations: int | None = None,
    batch: int | None = None,
    patch: int | None = None,
    features: int | None = None,
) -> Size:
    """Return the size of a preset for a data set's plan, with what is given in place of what the preset says.

    Patches of the presets never exceed the plan's. Without a word about it the networks of the first stage learn
    for half as many iterations as the last.

    tiny    8 features, 600 iterations of 8 crops of up to 96 pixels: a minute, to try things out
    small   16 features, 1000 iterations of 16 crops of up to 96 pixels
    nnunet  the plan as it is: nnU-Net's features, patch and batch, 1000 epochs of 250 iterations
    """
    planned = (int(plan["Patch"][0]), int(plan["Patch"][1]))
    small_patch = (min(96, max(32, planned[0])), min(96, max(32, planned[1])))
    size = {
        "tiny": Size(8, 64, small_patch, 8, 600, 300),
        "small": Size(16, 256, small_patch, 16, 1000, 500),
        "nnunet": Size(32, 512, planned, int(plan["Batch"]), 250_000, 125_000),
    }[preset]
    if iterations is not None:
        size = replace(size, iterations=iterations, anatomy_iterations=max(1, iterations // 2))
    if anatomy_iterations is not None:
        size = replace(size, anatomy_iterations=anatomy_iterations)
    if batch is not None:
        size = replace(size, batch=batch)
    if features is not None:
        size = replace(size, features=features, most_features=16 * features)
    if patch is not None:
        size = replace(size, patch=(patch, patch))
    return size.fitted()
