"""Train the ECG encoder on median beats, without labels.

The dual-attention autoencoder learns to restore beats from which leads and spans of time were taken; its
encoder turns a beat into a code that train can fuse with the image. Beats come from median-beat, for
instance those of PTB-XL; each is divided by one scale for all its leads, so that the ratios between leads
stay. Participants (or groups) are held out whole for validation, and the weights of the epoch with the
smallest validation error are kept.

INPUT FILES

BEATS may have a column participant_id, and group where the unit to split is larger than a participant (a
family, a hospital). Without either each row counts by itself.

OUTPUT FILES

OUTPUT/model.json has the architecture, the seed, the cohort's counts and the errors on the held-out beats;
OUTPUT/log.jsonl one line an epoch; OUTPUT/weights.safetensors the weights. While the training is unfinished
OUTPUT/checkpoint holds its state.

NOTES

SIGTERM, SIGINT and SIGUSR1 stop the training: the state after the last whole epoch is on disk, the exit
status is 75, and the same command goes on from there, to the same weights as without the stop. A state made
with other settings or other beats is refused.

SNR is 10 log10 of the power of the standardised beat over that of the error, the mean over held-out beats
with nothing masked. RMSE in mV takes each beat back to its own scale.

EXAMPLES

    scartools pretrain-ecg cohort/truth/beats.tsv -o encoder --epochs 5

REFERENCES

Chen C et al. Large language model-informed ECG dual attention network for heart failure risk prediction.
IEEE Trans Big Data 2025. arXiv:2403.10581
Wagner P et al. PTB-XL, a large publicly available electrocardiography dataset. Sci Data 2020;7:154.
doi:10.1038/s41597-020-0495-6
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Device, Force, Output, Resume, Seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from scartools.files.provenance import Source
    from scartools.learning.pretraining import PretrainingConfig
    from scartools.network.ecg_autoencoder import ECGAutoencoderConfig

KIND: Kind = "training"
log = logging.getLogger(__name__)

BeatsTable = Annotated[
    Path, typer.Argument(metavar="BEATS", help="Table of median beats to learn from."), Reads("beats")
]
Epochs = Annotated[
    int, typer.Option("--epochs", metavar="N", min=1, max=100_000, help="Passes over the beats.")
]
Code = Annotated[int, typer.Option("--code", metavar="N", min=2, max=4096, help="Length of the code, even.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=1, max=65_536, help="Beats a step.")]
LearningRate = Annotated[
    float, typer.Option("--learning-rate", metavar="RATE", min=1e-8, max=1, help="Largest learning rate.")
]
Validation = Annotated[
    float,
    typer.Option("--validation", metavar="SHARE", min=0.01, max=0.9, help="Share of the groups held out."),
]
ColumnName = Annotated[
    str, typer.Option("--column", metavar="NAME", help="Column of BEATS that holds the paths of the beats.")
]


def pretrain_ecg(
    beats: BeatsTable,
    output: Annotated[Output, Writes("encoder")],
    column: ColumnName = "beat",
    epochs: Epochs = 100,
    code: Code = 64,
    batch: Batch = 128,
    learning_rate: LearningRate = 1e-3,
    validation: Validation = 0.1,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Resume = True,
    force: Force = False,
) -> dict[str, Any]:
    """Read the beats, train with a checkpoint an epoch, write the encoder."""
    from scartools.cli.checkpoints import earlier_state
    from scartools.cli.resources import device_to_use
    from scartools.errors import UsageError, concerning
    from scartools.learning import pretraining
    from scartools.network.ecg_autoencoder import ECGAutoencoderConfig

    if code % 2:
        raise UsageError(
            f"--code {code} is odd", remedy="Half of the code comes from each pooling: give an even one"
        )
    place = device_to_use(device)
    network = ECGAutoencoderConfig(code=code)
    config = pretraining.PretrainingConfig(
        epochs=epochs, batch=batch, learning_rate=learning_rate, validation=validation, seed=seed
    )
    signals, scales, groups, sources = _read_beats(beats, column)
    with concerning(beats):
        held_out = pretraining.split_groups(groups, validation, seed)
    settings = _fingerprint(network, config, groups, sources, place)
    state = earlier_state(output, settings, resume=resume, force=force) or pretraining.start(network, config)
    last = _train(output, settings, state, signals, groups, network, config, place)
    described = _describe(last, network, config, signals, scales, groups, held_out)
    _write(output, described, last, sources, force)
    metrics = described["Metrics"]
    text = "%s: %d beats learnt, best epoch %d of %d; on %d held out: RMSE %.3f mV, SNR %.1f dB"
    counts = described["Cohort"]
    best = metrics["BestEpoch"]
    log.info(
        text,
        output,
        counts["TrainingBeats"],
        best,
        epochs,
        counts["ValidationBeats"],
        metrics["RMSEMv"],
        metrics["SNRDb"],
    )
    return {"Output": str(output), "Cohort": counts, "Metrics": metrics}


def _read_beats(path: Path, column: str) -> tuple[np.ndarray, np.ndarray, list[str], list[Source]]:
    """Return standardised beats (N, 12, 600), their scales in mV (N,), their groups, and what was read."""
    import numpy as np

    from scartools.ecg.standardise import standardise_beat
    from scartools.errors import InputError
    from scartools.files import record, table

    read = table.read(path, required=[column])
    unit = next((name for name in ("group", "participant_id") if name in read.columns), None)
    signals, scales, groups, sources = [], [], [], [read.source]
    for number, row in enumerate(read.rows, start=2):
        name = row[column]
        if name is None:
            continue  # this participant has no ECG
        group = row[unit] if unit else str(number)
        if group is None:
            raise InputError(
                f"line {number}, column {unit}: is n/a", where=path, remedy=f"Give every beat a {unit}"
            )
        try:
            beat = record.read_beat(path.parent / name)
            standardised, scale = standardise_beat(beat.signals)
        except InputError as error:
            raise InputError(
                f"line {number}, column {column}: {error}", where=path, remedy="Correct or remove that line"
            ) from error
        standardised[np.isnan(beat.signals)] = np.nan  # absent, not zero: it does not count in the loss
        signals.append(standardised)
        scales.append(scale)
        groups.append(group)
        sources += beat.sources
    if not signals:
        raise InputError(
            f"names no beat in the column {column}", where=path, remedy="Make them with median-beat"
        )
    return np.stack(signals), np.array(scales), groups, sources


def _fingerprint(
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    groups: list[str],
    sources: list[Source],
    device: str,
) -> dict[str, Any]:
    """Return all that the weights depend on, by its hash."""
    from dataclasses import asdict
    from hashlib import sha256

    facts = [asdict(network), asdict(config), groups, [source.sha256 for source in sources[1:]], device]
    return {"sha256": sha256(json.dumps(facts).encode()).hexdigest()}


def _train(
    output: Path,
    settings: dict[str, Any],
    state: Mapping[str, Any],
    signals: np.ndarray,
    groups: list[str],
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    device: str,
) -> Mapping[str, Any]:
    """Train to the end and return the last state; leave a checkpoint after each epoch and on a stop request."""
    from scartools.cli.signals import stop_requests
    from scartools.cli.streams import track
    from scartools.errors import StoppedOnRequest
    from scartools.files.checkpoint import write_checkpoint
    from scartools.learning.pretraining import pretrain

    with stop_requests() as stop:
        write_checkpoint(output, {**state, "run": settings})
        steps = pretrain(signals, groups, network, config, state=state, device=device, stop=lambda: bool(stop))
        every = max(1, config.epochs // 20)
        for epoch in track(steps, "epochs", total=config.epochs - state["epoch"]):
            state = epoch.state
            write_checkpoint(output, {**state, "run": settings})
            told = log.info if epoch.epoch % every == 0 and epoch.seconds > 1 else log.debug
            text = "epoch %d: loss %.4f, validation RMSE %.4f, SNR %.2f dB, rate %.2g, %.1f s"
            told(
                text,
                epoch.epoch,
                epoch.loss,
                epoch.validation_rmse,
                epoch.validation_snr,
                epoch.learning_rate,
                epoch.seconds,
            )
        if state["epoch"] < config.epochs:
            raise StoppedOnRequest(
                f"stopped after epoch {state['epoch']} of {config.epochs}; its state is saved",
                where=output,
                remedy="Run the same command again to go on",
            )
    return state


def _describe(
    state: Mapping[str, Any],
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    signals: np.ndarray,
    scales: np.ndarray,
    groups: list[str],
    held_out: np.ndarray,
) -> dict[str, Any]:
    """Return `model.json`: what rebuilds the encoder, whom it saw, how well it restores beats it did not see."""
    from dataclasses import asdict

    import numpy as np

    from scartools.learning import pretraining

    description = {
        "Kind": "encoder",
        "Architecture": pretraining.describe_network(network),
        "Seed": config.seed,
    }
    model = pretraining.build_encoder(description)
    model.load_state_dict(state["best"])
    rmse, snr, each = pretraining.reconstruction_errors(model, signals[held_out])
    valid = np.isfinite(signals[held_out]).sum((1, 2))
    millivolts = float(np.sqrt((valid * (each * scales[held_out]) ** 2).sum() / valid.sum()))
    best = min(state["history"], key=lambda facts: facts["ValidationRMSE"])["Epoch"]
    inside, outside = (
        {group for group, out in zip(groups, held_out, strict=True) if out == side} for side in (False, True)
    )
    return {
        **description,
        "Input": {
            "Leads": 12,
            "Samples": network.samples,
            "SamplingFrequency": 500,
            "Scale": "standardise_beat",
        },
        "Cohort": {
            "TrainingBeats": int((~held_out).sum()),
            "TrainingGroups": len(inside),
            "ValidationBeats": int(held_out.sum()),
            "ValidationGroups": len(outside),
        },
        "Metrics": {"BestEpoch": best, "RMSE": rmse, "RMSEMv": millivolts, "SNRDb": snr},
        "TrainedOn": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(config).items()},
    }


def _write(
    output: Path, described: dict[str, Any], state: Mapping[str, Any], sources: list[Source], force: bool
) -> None:
    from scartools.files.model import write_model

    def more(folder: Path) -> None:
        lines = [json.dumps(facts) + "\n" for facts in state["history"]]
        (folder / "log.jsonl").write_text("".join(lines), encoding="utf-8")

    write_model(
        output, described, state["best"], card=_card(described), more=more, sources=sources, force=force
    )


def _card(described: dict[str, Any]) -> str:
    cohort, metrics = described["Cohort"], described["Metrics"]
    return f"""# ECG encoder

Turns a median 12-lead beat (12 x 600 samples, 500 Hz, R at sample 200) into a code of
{described["Architecture"]["code"]} numbers, for fusion with LGE images. Research use only.

* Trained without labels on {cohort["TrainingBeats"]} beats of {cohort["TrainingGroups"]} groups.
* On {cohort["ValidationBeats"]} beats of {cohort["ValidationGroups"]} other groups, nothing masked:
  RMSE {metrics["RMSEMv"]:.4f} mV, SNR {metrics["SNRDb"]:.2f} dB
  (epoch {metrics["BestEpoch"]}, chosen by the error on these same beats).
* Low error says that beats are restored, not that the code knows about scar.
"""
