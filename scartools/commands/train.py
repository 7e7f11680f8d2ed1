"""Train a scar segmenter, in one or two stages, with or without an ECG.

The network is nnU-Net's 2D U-Net. With a prior it is also shown the 17 AHA segments of the wall; with an ECG its
middle features are fused with the code of a median beat, weighed by a gate that sees how many days lie between
ECG and MRI.

A prior must come from somewhere. With --prior-source predicted (the default) a first stage learns the anatomy:
LV pool, wall and RV. Each training patient's segments come from a network that never saw that patient
(--cross-fit folds); one more, trained on all, goes into the model, so that prediction needs nothing but the
image. With manual the priors of the data set are used, and with truth those of its labels: such a model needs
--anatomy to predict, and its numbers are never compared with those of the first kind.

The first stage cannot pass on where the scar is: healthy myocardium, scar and no-reflow are one wall to it.

An ECG may be absent. Part of the crops is shown without theirs, and without one the fused network gives what its
image path gives.

The same command, run again after SIGTERM, SIGINT, SIGUSR1 or a crash, goes on from its last checkpoint and ends
with the weights of a run that was not interrupted.

INPUT FILES

DATASET is the output of scartools-preprocess(1). Its splits are used as they are: train to learn, validation to
look at; test is not touched. With --fold the other folds learn and that one is looked at. A patient in two
splits stops the command.

OUTPUT FILES

    model.json            architecture, settings, labels, cohort; what predict needs
    weights.safetensors   of both stages
    card.md               what the model is for, in words
    log.jsonl             one line a report: loss, learning rate, Dice on crops of validation patients
    progress.png          the same as curves
    priors/ID.npy         the AHA segments each patient was shown
    prov.json             provenance
    checkpoint/           only while the training is not finished

NOTES

Presets size network and schedule: tiny (8 features, 600 iterations of 8 crops) to try things out, small (16 features, 1000 iterations
of 16 crops of up to 96 pixels), nnunet (the plan of the data set, 250 000 iterations). --iterations (or --epochs, of 250 iterations),
--batch, --patch, --features and --learning-rate change them. Without a word about it, half as many iterations go into each network of
the first stage.

Three optimisers: SGD with momentum and a polynomial rate for the image, AdamW with warm-up and a cosine for the ECG and for the gate.
The rate of nnunet is 0.01 with a momentum of 0.99; the short presets take the same step with a shorter memory, 0.1 with 0.9, and centre
two thirds of their crops on a label, not one third. In them the encoder of the ECG learns in every eighth iteration.

--regions adds to the loss the Dice of heart (pool and wall), wall (healthy, scar and no-reflow) and infarct, each as one.

One temperature, found on the validation patients, calibrates the probabilities of predict (Guo et al.).

--ema 0.99 keeps a running mean of the weights, in which the last hundred iterations count, in place of those of the last iteration; the
validation sees it too.

--network residual takes nnU-Net's residual encoder (1, 3, 4, 6, 6 ... blocks a stage, one convolution a stage in the decoder). With
--preset nnunet on a data set of preprocess --network residual-m or residual-l it is nnU-Net's ResEnc M or L.

Augmentation is nnU-Net's, for each crop: rotation (p 0.2) by up to --rotation degrees, scaling 0.7-1.4 (0.2), noise of variance 0-0.1
(0.1), blur of 0.5-1 pixel (0.2; half of those), brightness 0.75-1.25 (0.15), contrast 0.75-1.25 (0.15), resolution 0.5-1 (0.25; half of
those), gamma 0.7-1.5 of the inverted image (0.1) and of the image (0.3); factors are below and above 1 equally often. nnU-Net itself
turns by up to 180 degrees, or 15 where the patch is longer than 1.5 times its width, and mirrors both axes (0.5 each): --rotation 180
--mirror. Labels are taken from the nearest pixel, where nnU-Net interpolates each of them.

--pretrained MODEL begins with the last network of a model that learned from other patients, where both are alike: the heads by label,
nothing of an ECG. Networks that learned from simulated pictures (scartools-simulate-cohort(1)) see hearts sooner. Its patients may not
be held out here, and predict --split test refuses them too.

--fusion taff is the published fusion: a gate weighs image and ECG, for the whole picture alike. --taff-form paper is its published form
with its entropy sign; corrected, the default, starts as the network without an ECG and can take the ECG out again.

--fusion segment lets the ECG speak in AHA segments: from the code of its beat, as the encoder has it before this training, or from its
first 8 or 16 principal components come 17 logits, scar in each segment (from 5 % of it on). They are fitted to whole patients before
the network learns (ridge logistic regression; an ECG of 90 days or of an unknown day counts half), by what tells most in patients left
out; those of a training patient come without that patient. model.json says how much they tell. Scaled by a learnt trust, one number
from the interval and the quality of the beat, they are painted where the prior has the segment, and added in the middle of the network
and to its logits at the end; logits and interval shift and scale the channels besides. It starts as the network without an ECG to the
last bit, and is that network where ECG or segments are missing. It needs a prior; with --no-prior-channels the segments say where it
paints and nothing else, so that a wrong wall misplaces the ECG's word and does not mislead the image: on simulated hearts a predicted
wall that is shown costs 0.04 of scar Dice.

Controls are written into the model and known by their names in every table. --shuffle-ecg gives each patient beat, quality and interval
of another one, fixed by the seed, and predict does the same with the patients it is given; --shuffle-interval does so with the interval
alone. --oracle-ecg puts the true part of scar of each segment in the place of the encoder: the ceiling of what any ECG could give to
--fusion segment, never a result.

Mirroring is off, and rotations are small: a mirrored heart contradicts its ECG. --mirror is for the image alone; --no-prior --no-ecg
--mirror --rotation 180 --preset nnunet trains as nnU-Net does.

Several processes train one network, each with --batch crops and a CUDA device: torchrun --nproc-per-node 2 -m scartools train dataset
-o model. Losses and gradients are those of one process with all of these crops; the terms of the ECG are means over the processes. The
first one writes; torchrun passes SIGTERM on, and not SIGUSR1.

--around-heart trains a small network first that finds the heart in the whole picture, coarsely; the others learn and predict in one
window around it, whose middle is off by up to a sixteenth of its edge in training, and call all beyond it background. Without --patch
the window of the presets tiny and small holds the largest heart of the training. Where no heart is found there is no prediction.

--first-stage takes finder, first stage and priors from a model of the same data set, so that arms of a comparison are shown the same
wall and only the last network is trained. --start-from takes its last network too: it goes on from there, and what it has not, the
encoder of an ECG and the fusion, is new and silent at first (not so with --taff-form paper). With --no-prior-channels it takes finder
and last network, of a model of --no-prior --no-ecg; without --first-stage a new first stage is trained, and the finder learns on. Arms
with one start share its luck; let the arm without an ECG go on for as long as the others.

EXAMPLES

    scartools median-beat cohort/truth/sim-0001/ecg.hea -o sim-0001-ecg1.hea
    scartools median-beat cohort/truth/sim-0002/ecg.hea -o sim-0002-ecg1.hea
    scartools pair cohort/ecg.tsv cohort/mri.tsv --beats . --split 1/0/0 -o pairs.tsv
    scartools preprocess pairs.tsv -o dataset
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 8 --no-prior --no-ecg -o model-image
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --cross-fit 2 --no-ecg -o model-prior
    scartools pretrain-ecg cohort/truth/beats.tsv --epochs 1 -o encoder
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --first-stage model-prior --encoder encoder -o model-full
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --start-from model-prior --fusion segment -o model-segment
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --cross-fit 2 --fusion segment --no-prior-channels -o paints
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --no-prior --no-ecg --pretrained model-image -o begun

REFERENCES

Ramzan F et al. Seeing beyond the image: ECG and anatomical knowledge-guided myocardial scar segmentation.
arXiv:2511.14702
Isensee F et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. Nat
Methods 2021;18:203. doi:10.1038/s41592-020-01008-z
Guo C et al. On calibration of modern neural networks. ICML 2017. arXiv:1706.04599
Isensee F et al. nnU-Net revisited: a call for rigorous validation in 3D medical image segmentation. arXiv:2404.09556
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli import train_options as options
from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Device, Force, Output, Resume, Seed

if TYPE_CHECKING:
    from scartools.files.provenance import Source
    from scartools.learning.dataset import Material
    from scartools.learning.loop import Setting
    from scartools.learning.settings import Settings
    from scartools.learning.two_stage import Trained
    from scartools.network.ecg_autoencoder import ECGAutoencoder

KIND: Kind = "training"
log = logging.getLogger(__name__)


def train(
    dataset: options.DatasetFolder,
    output: Annotated[Output, Writes("model")],
    preset: options.PresetChoice = "small",
    network: options.NetworkChoice = None,
    prior: options.WithPrior = True,
    prior_source: options.PriorFrom = "predicted",
    prior_channels: options.PriorChannels = True,
    ecg: options.WithEcg = True,
    time: options.WithTime = None,
    encoder: options.EncoderFolder = None,
    first_stage: options.FirstStage = None,
    start_from: options.StartFrom = None,
    pretrained: options.Pretrained = None,
    freeze_encoder: options.FreezeEncoder = None,
    fusion: options.Fusion = "taff",
    taff_form: options.TaffForm = None,
    fusion_stage: options.FusionStage = None,
    shuffle_ecg: options.ShuffleEcg = False,
    shuffle_interval: options.ShuffleInterval = False,
    oracle_ecg: options.OracleEcg = False,
    anchor: options.PriorAnchor = "auto",
    angle: options.PriorAngle = None,
    iterations: options.Iterations = None,
    epochs: options.Epochs = None,
    anatomy_iterations: options.AnatomyIterations = None,
    batch: options.BatchSize = None,
    patch: options.PatchEdge = None,
    features: options.Features = None,
    cross_fit: options.CrossFit = 3,
    fold: options.Fold = None,
    learning_rate: options.LearningRate = None,
    ema: options.Ema = 0.0,
    regions: options.Regions = False,
    around_heart: options.AroundHeart = False,
    ecg_dropout: options.EcgDropout = 0.3,
    rotation: options.Rotation = 20.0,
    mirror: options.Mirror = False,
    precision: options.Precision = "auto",
    tensorboard: options.Tensorboard = None,
    seed: Seed = 1,
    device: Device = "auto",
    resume: Resume = True,
    force: Force = False,
) -> dict[str, Any]:
    """Read the data set, train the networks of both stages, write the model."""
    from scartools.cli.resources import device_to_use, place_among_processes, precision_to_use
    from scartools.errors import concerning
    from scartools.learning import processes
    from scartools.learning.dataset import ready_for
    from scartools.learning.finder import window_edge
    from scartools.learning.loop import Setting
    from scartools.learning.settings import EPOCH, FUSION_STAGES, Settings, network_of, rates_of, size_of
    from scartools.learning.two_stage import calibrate_on, untrained

    options.require_consistent(
        (prior, prior_source, prior_channels),
        (first_stage, start_from, pretrained),
        (ecg, time, encoder, freeze_encoder),
        (fusion, taff_form),
        (shuffle_ecg, shuffle_interval, oracle_ecg),
        (anchor, angle),
    )
    rates = rates_of(preset, fusion) | options.rate_of(learning_rate, ema)
    material, sources = _read(dataset, fold)
    if around_heart and patch is None and preset != "nnunet":
        patch = window_edge(material.learns)
    settings = Settings(
        size_of(
            preset,
            material.plan,
            iterations=options.iterations_of(iterations, epochs, EPOCH),
            anatomy_iterations=anatomy_iterations,
            batch=batch,
            patch=patch,
            features=features,
        ),
        preset=preset,
        prior_source=prior_source if prior else "none",
        prior_channels=prior_channels,
        ecg=ecg,
        time=ecg if time is None else time,
        fusion=fusion,
        taff_form=taff_form or "corrected",
        fusion_stage=FUSION_STAGES[fusion] if fusion_stage is None else fusion_stage,
        freeze_encoder=bool(freeze_encoder),
        shuffle_ecg=shuffle_ecg,
        shuffle_interval=shuffle_interval,
        oracle_ecg=oracle_ecg,
        anchor="angle" if angle is not None else anchor,
        angle=angle,
        cross_fit=cross_fit,
        ecg_dropout=ecg_dropout,
        rotation_deg=rotation,
        mirror=mirror,
        seed=seed,
        network=network or network_of(material.plan),
        ema=ema,
        regions=regions,
        around_heart=around_heart,
        **rates,
    )
    with concerning(dataset):
        material = ready_for(material, settings)
    ecg_encoder, more = _encoder(encoder)
    sources += more
    start = untrained(material.labels, settings, ecg_encoder)
    start.without_prior |= material.without_prior
    for folder, networks in options.taken_from(first_stage, start_from, pretrained, prior_channels):
        sources += _take(start, folder, networks, material, settings)
    where = device_to_use(device)
    setting = Setting(where, precision_to_use(precision, where))
    number, together = place_among_processes()
    with processes.joined(number, together, where):
        _train(start, material, settings, setting, output, sources, resume, force, tensorboard)
        if number == 0:
            calibrate_on(material.validates, material.labels, settings, setting, start)
    return _write(output, material, settings, setting, start, sources, force) if number == 0 else {}


def _read(folder: Path, fold: int | None) -> tuple[Material, list[Source]]:
    """Read the cases of a data set into memory, after checking that no patient is in two splits."""
    from scartools.errors import concerning
    from scartools.files import dataset as contract
    from scartools.files.provenance import source_of
    from scartools.learning.dataset import gather

    description = contract.read_dataset(folder)
    cases = [contract.read_case(folder, name) for name in description["Cases"]]
    with concerning(folder):
        material = gather(description, {case.id: (case.arrays, case.facts) for case in cases}, fold)
    note = folder / "prov.json"  # it lists every file of the data set with its hash
    return material, [source_of(note if note.is_file() else folder / "dataset.json")]


def _encoder(folder: Path | None) -> tuple[ECGAutoencoder | None, list[Source]]:
    if folder is None:
        return None, []
    from scartools.errors import concerning
    from scartools.files import model
    from scartools.files.provenance import source_of
    from scartools.learning.pretraining import rebuild_encoder

    with concerning(folder):
        network = rebuild_encoder(model.read_description(folder), model.read_weights(folder))
    return network, [source_of(folder / "model.json")]


def _take(
    start: Trained, folder: Path, networks: options.Taken, material: Material, settings: Settings
) -> list[Source]:
    """Put networks of a trained model into one that is to be trained."""
    from scartools.errors import concerning
    from scartools.files import model
    from scartools.files.provenance import source_of
    from scartools.learning import starting
    from scartools.learning.prediction import rebuild

    cases = (*material.learns, *material.validates)
    with concerning(folder):
        said = model.read_description(folder)
        found = rebuild(said, model.read_weights(folder))
        stage = (
            networks in ("first", "all") and settings.prior_source == "predicted" and found.anatomy is not None
        )
        priors = {case.id: model.read_prior(folder, case.id) for case in cases} if stage else {}
        starting.take(networks, start, found, priors, material, settings, said["WeightsSHA256"])
    return [source_of(folder / "model.json")]


def _train(
    result: Trained,
    material: Material,
    settings: Settings,
    setting: Setting,
    output: Path,
    sources: list[Source],
    resume: bool,
    force: bool,
    tensorboard: Path | None,
) -> None:
    """Train, with checkpoints in the output."""
    from scartools.cli.checkpoints import earlier_state, with_checkpoints
    from scartools.cli.streams import track
    from scartools.cli.tensorboard import curves
    from scartools.learning import jobs, processes, two_stage
    from scartools.learning.dataset import identity_of

    sides = (material.learns, material.validates)
    run = identity_of(material, settings, str(setting.precision), processes.world())
    run = json.loads(
        json.dumps({**run, "inputs": [source.sha256 for source in sources]})
    )  # as it is given back
    state = earlier_state(output, run, resume=resume, force=force)
    reports = two_stage.train_stages(*sides, material.labels, settings, setting, result, state=state)
    total = jobs.iterations_of_all(*sides, settings, result.given)
    watched = with_checkpoints(
        reports,
        lambda report: report.state(),
        output,
        run,
        writes=processes.rank() == 0,
        agree=lambda asked: processes.any_of(asked, setting.device),
    )
    with curves(tensorboard if processes.rank() == 0 else None) as draw:
        for report in track(watched, "iterations", total):
            if report.progress.dice is not None:
                log.info("%s", report.sentence())
                draw(report.job.name, report.progress.iteration, report.values(material.labels))


def _write(
    output: Path,
    material: Material,
    settings: Settings,
    setting: Setting,
    result: Trained,
    sources: list[Source],
    force: bool,
) -> dict[str, Any]:
    """Write the model folder; return its facts."""
    from scartools.cli.resources import scratch_for_matplotlib
    from scartools.files import model
    from scartools.learning.card import card, describe
    from scartools.learning.two_stage import weights_of

    facts = describe(material, settings, str(setting.precision).removeprefix("torch."), result)
    for case_id, reason in facts["WithoutPrior"].items():
        log.warning("case %s was trained without a prior: %s", case_id, reason)
    everyone = () if settings.prior_source == "none" else (*material.learns, *material.validates)
    shown = {case.id: result.priors.get(case.id, case.prior) for case in everyone}

    def more(folder: Path) -> None:
        model.write_log(folder, result.log)
        model.write_priors(folder, shown)
        with scratch_for_matplotlib():
            from scartools.learning.curve import draw_curve

            draw_curve(result.log).savefig(folder / "progress.png", dpi=150, metadata={"Software": None})

    model.write_model(
        output, facts, weights_of(result), card=card(facts, result.log), more=more, sources=sources, force=force
    )
    log.info("%s: trained on %d cases", output, len(material.learns))
    return {"Output": str(output), **{key: facts[key] for key in ("Cohort", "Inputs", "ValidationDice")}}
