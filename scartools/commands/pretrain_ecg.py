"""Train the ECG encoder on median beats, without labels.

The dual-attention autoencoder learns to restore beats from which leads and spans of time were taken; its
encoder turns a beat into a code that train can fuse with the image. Beats come from median-beat, for
instance those of PTB-XL; each is divided by one scale for all its leads, so that the ratios between leads
stay. Participants (or groups) are held out whole for validation, and the weights of the epoch with the
smallest validation error are kept.

INPUT FILES

BEATS may have a column participant_id, and group where the unit to split is larger than a participant (a
family, a hospital). Without either each row counts by itself. A column mi (or that of --probe) tells infarction (1, mi,
yes) from normal (0, norm, no); other words are not asked. It is not learned from, only asked at the end.

OUTPUT FILES

OUTPUT/model.json has the architecture, the seed, the cohort's counts, the errors on the held-out beats by lead beside
those of a principal component analysis (PCA) of as many numbers, and the probe; OUTPUT/card.md says so in words;
OUTPUT/log.jsonl one line an epoch; OUTPUT/weights.safetensors the weights. While the training is unfinished
OUTPUT/checkpoint holds its state.

NOTES

Beats are read once and put on the disk of OUTPUT, without a name, 29 KB each: any number of them can be learned from.

Several processes train one encoder, each with --batch beats and a CUDA device: torchrun --nproc-per-node 2 -m
scartools pretrain-ecg beats.tsv -o encoder. Losses and gradients are those of one process with all of these beats,
but for dropout; the first one writes.

SIGTERM, SIGINT and SIGUSR1 stop the training: the state after the last whole epoch is on disk, the exit
status is 75, and the same command goes on from there, to the same weights as without the stop. A state made
with other settings or other beats is refused.

SNR is 10 log10 of the power of the standardised beat over that of the error, the mean over held-out beats
with nothing masked. RMSE in mV takes each beat back to its own scale. By lead, RMSE is over all samples, SNR and
correlation (Pearson) are means over the beats that have it. The PCA is made from the beats learned from, 4000 of them
at most.

The probe fits a logistic model (ridge 10) to the codes of the beats learned from and measures its AUC on those held
out, with a percentile bootstrap of 2000 draws of their groups; the same with the PCA. The epoch was chosen by the
error on these held-out beats, without a look at the diagnosis.

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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli import pretrain_options as options
from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Device, Force, Output, Resume, Seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from scartools.files.provenance import Source
    from scartools.learning.pretraining import PretrainingConfig
    from scartools.network.ecg_autoencoder import ECGAutoencoderConfig

KIND: Kind = "training"
log = logging.getLogger(__name__)


def pretrain_ecg(
    beats: options.BeatsTable,
    output: Annotated[Output, Writes("encoder")],
    column: options.ColumnName = "beat",
    epochs: options.Epochs = 100,
    code: options.Code = 64,
    batch: options.Batch = 128,
    learning_rate: options.LearningRate = 1e-3,
    validation: options.Validation = 0.1,
    probe: options.ProbeColumn = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Resume = True,
    force: Force = False,
) -> dict[str, Any]:
    """Read the beats, train with a checkpoint an epoch, write the encoder."""
    from scartools.cli.resources import device_to_use, place_among_processes
    from scartools.errors import UsageError, concerning
    from scartools.learning import pretraining, processes
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
    read = _read_beats(beats, column, probe, output)
    with concerning(beats):
        held_out = pretraining.split_groups(read.groups, validation, seed)
    number, together = place_among_processes()
    settings = _fingerprint(network, config, read.groups, read.sources, place, together)
    with processes.joined(number, together, place):
        with concerning(beats):
            last = _train(output, settings, read, network, config, place, resume, force)
        if number:
            return {}
    with concerning(beats):
        described = _describe(last, network, config, read, held_out)
    _write(output, described, last, read.sources, force)
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


@dataclass(frozen=True)
class Beats:
    """Standardised beats (N, 12, 600) on disk, scales in mV (N,), groups, diagnosis (N,) or None, and what was read."""

    signals: np.ndarray
    scales: np.ndarray
    groups: list[str]
    truth: np.ndarray | None
    sources: list[Source]


def _read_beats(path: Path, column: str, probe: str | None, output: Path) -> Beats:
    """Read the beats of a table; probe: column of the diagnosis, required where it is named."""
    from collections.abc import Iterator

    import numpy as np

    from scartools.ecg.standardise import standardise_beat
    from scartools.errors import InputError
    from scartools.files import record, table
    from scartools.files.beat_store import stored
    from scartools.learning.restoration import diagnosis_of

    read = table.read(path, required=[column, *([probe] if probe else [])])
    asked = probe or ("mi" if "mi" in read.columns else None)
    words: list[str | None] = []
    unit = next((name for name in ("group", "participant_id") if name in read.columns), None)
    scales, groups, sources = [], [], [read.source]
    if all(row[column] is None for row in read.rows):
        raise InputError(
            f"names no beat in the column {column}", where=path, remedy="Make them with median-beat"
        )

    def beats() -> Iterator[np.ndarray]:
        """Each beat of the table, standardised, (12, 600); what else is known of it goes into the lists."""
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
                    f"line {number}, column {column}: {error}",
                    where=path,
                    remedy="Correct or remove that line",
                ) from error
            standardised[np.isnan(beat.signals)] = np.nan  # absent, not zero: it does not count in the loss
            scales.append(scale)
            groups.append(group)
            words.append(row[asked] if asked else None)
            sources.extend(beat.sources)
            yield standardised

    signals = stored(beats(), output)
    return Beats(signals, np.array(scales), groups, diagnosis_of(words) if asked else None, sources)


def _fingerprint(
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    groups: list[str],
    sources: list[Source],
    device: str,
    processes: int,
) -> dict[str, Any]:
    """Return all that the weights depend on, by its hash."""
    from dataclasses import asdict
    from hashlib import sha256

    facts: list[Any] = [
        asdict(network),
        asdict(config),
        groups,
        [source.sha256 for source in sources[1:]],
        device,
    ]
    facts += [processes] if processes > 1 else []
    return {"sha256": sha256(json.dumps(facts).encode()).hexdigest()}


def _train(
    output: Path,
    settings: dict[str, Any],
    read: Beats,
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    device: str,
    resume: bool,
    force: bool,
) -> Mapping[str, Any]:
    """Train to the end and return the last state; leave a checkpoint after each epoch and on a stop request.

    Of several processes the first writes for all, once each of them has read what was there.
    """
    from scartools.cli.checkpoints import earlier_state
    from scartools.cli.signals import stop_requests
    from scartools.cli.streams import track
    from scartools.errors import StoppedOnRequest
    from scartools.files.checkpoint import write_checkpoint
    from scartools.learning import processes
    from scartools.learning.pretraining import pretrain, start

    state: Mapping[str, Any]
    state = earlier_state(output, settings, resume=resume, force=force) or start(network, config)
    processes.any_of(False, device)
    first = processes.rank() == 0
    with stop_requests() as stop:
        if first:
            write_checkpoint(output, {**state, "run": settings})
        steps = pretrain(
            read.signals, read.groups, network, config, state=state, device=device, stop=lambda: bool(stop)
        )
        every = max(1, config.epochs // 20)
        for epoch in track(steps, "epochs", total=config.epochs - state["epoch"]):
            state = epoch.state
            if first:
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
    read: Beats,
    held_out: np.ndarray,
) -> dict[str, Any]:
    """Return `model.json`: what rebuilds the encoder, whom it saw, how well it restores beats it did not see."""
    from dataclasses import asdict

    import numpy as np

    from scartools.learning import pretraining
    from scartools.learning.restoration import report

    signals, scales, groups = read.signals, read.scales, read.groups
    tested = np.flatnonzero(held_out)
    description = {
        "Kind": "encoder",
        "Architecture": pretraining.describe_network(network),
        "Seed": config.seed,
    }
    model = pretraining.build_encoder(description)
    model.load_state_dict(state["best"])
    rmse, snr, each = pretraining.reconstruction_errors(model, signals, tested)
    valid = np.array([np.isfinite(signals[row]).sum() for row in tested])
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
        "Metrics": {
            "BestEpoch": best,
            "RMSE": rmse,
            "RMSEMv": millivolts,
            "SNRDb": snr,
            **report(model, signals, scales, groups, held_out, read.truth, config.seed),
        },
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
    by_lead, probed = _lead_lines(metrics["Restoration"]), ""
    if "Probe" in metrics:
        one, other = metrics["Probe"]["Encoder"], metrics["Probe"]["PCA"]
        probed = (
            f"* Infarction against normal, a logistic model of the code, {one['MeasuredOn']} held-out beats "
            f"({one['WithInfarction']} with infarction): AUC {one['AUC']:.3f} [95 % {one['AUCLower']:.3f}, {one['AUCUpper']:.3f}];\n"
            f"  of the PCA {other['AUC']:.3f} [{other['AUCLower']:.3f}, {other['AUCUpper']:.3f}].\n"
        )
    return f"""# ECG encoder

Turns a median 12-lead beat (12 x 600 samples, 500 Hz, R at sample 200) into a code of
{described["Architecture"]["code"]} numbers, for fusion with LGE images. Research use only.

* Trained without labels on {cohort["TrainingBeats"]} beats of {cohort["TrainingGroups"]} groups.
* On {cohort["ValidationBeats"]} beats of {cohort["ValidationGroups"]} other groups, nothing masked:
  RMSE {metrics["RMSEMv"]:.4f} mV, SNR {metrics["SNRDb"]:.2f} dB
  (epoch {metrics["BestEpoch"]}, chosen by the error on these same beats).
{probed}* Low error says that beats are restored, not that the code knows about scar.

Held-out beats by lead, beside a PCA of {metrics["Restoration"]["Components"]} components (of
{metrics["Restoration"]["ComponentsFrom"]} beats learned from):

{by_lead}
"""


def _lead_lines(restoration: Mapping[str, Any]) -> str:
    """Return the table of both, a line a lead."""
    from scartools.files.record import LEADS

    lines = ["| lead | RMSE mV | PCA | SNR dB | PCA | r | PCA |", "|---|---|---|---|---|---|---|"]
    for at, lead in enumerate(LEADS):
        cells = []
        for name, digits in (("RMSEMv", 4), ("SNRDb", 2), ("Correlation", 3)):
            for of in ("Encoder", "PCA"):
                value = restoration[of][name][at]
                cells.append("n/a" if value is None else f"{value:.{digits}f}")
        lines.append(f"| {lead} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
