"""A whole training: who learns from whom, that it learns at all, and that an interruption changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scartools.errors import InputError, ScartoolsError
from scartools.learning.anatomy import anatomy_of, numbered, prior_of
from scartools.learning.jobs import jobs_of
from scartools.learning.loop import Setting, _set_rates, train
from scartools.learning.settings import Settings, Size, rates_of, size_of
from scartools.learning.two_stage import anatomy_labels, train_stages, untrained
from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig
from tests.unit.learning.learning_phantom import LABELS, case

TINY = Size(2, 4, (32, 32), 2, 3, 2)
FULL = Settings(TINY, preset="tiny", cross_fit=2, fusion_stage=2, **rates_of("tiny"))
IMAGE = replace(FULL, prior_source="none", ecg=False, time=False)
CASES = [case(number) for number in range(1, 5)]
LOOK = [case(9)]


def weights_of(network) -> bytes:
    return b"".join(value.numpy().tobytes() for value in network.state_dict().values())


def test_a_training_patients_prior_comes_from_a_network_that_never_saw_that_patient():
    cases = [case(number, group=f"patient-{number // 2}") for number in range(8)]
    jobs = jobs_of(cases, LOOK, replace(FULL, cross_fit=3))
    folds, kept, scar = jobs[:3], jobs[3], jobs[4]
    group = {one.id: one.group for one in cases}
    for job in folds:
        assert not {group[name] for name in job.learns} & {group[name] for name in job.predicts}
        assert set(job.learns) | set(job.predicts) == set(group)
    assert sorted(name for job in folds for name in job.predicts) == sorted(group)  # each exactly once
    assert kept.predicts == ("case-9",) and set(kept.learns) == set(group)
    assert scar.stage == "scar" and not scar.predicts


def test_too_few_patients_for_the_folds_are_refused():
    with pytest.raises(InputError, match="folds"):
        jobs_of(CASES[:1], LOOK, FULL)


def test_without_a_predicted_prior_there_is_one_network():
    assert [job.name for job in jobs_of(CASES, LOOK, IMAGE)] == ["scar"]
    assert [job.name for job in jobs_of(CASES, LOOK, replace(FULL, prior_source="truth"))] == ["scar"]


def test_the_first_stage_tells_apart_what_there_is_of_the_anatomy():
    assert anatomy_labels((0, 1, 2, 3, 4, 5)) == (0, 1, 2, 5)
    assert anatomy_labels((0, 1, 2, 3, 4)) == (0, 1, 2)


def run(settings, stop_at=None, state=None):
    result = untrained(LABELS, settings)
    reports = train_stages(CASES, LOOK, LABELS, settings, Setting(), result, state=state)
    for at, report in enumerate(reports, start=1):
        if at == stop_at:
            return report.state()
    return result


@pytest.fixture(scope="module")
def whole():
    """A training that was not interrupted: nine iterations, two for each of three networks and three for the last."""
    return run(FULL)


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5, 6, 7, 8])
def test_an_interruption_anywhere_changes_no_weight(stop_at, whole, tmp_path):
    from scartools.files.checkpoint import read_checkpoint, write_checkpoint

    write_checkpoint(tmp_path, run(FULL, stop_at=stop_at))
    resumed = run(FULL, state=read_checkpoint(tmp_path))
    assert weights_of(resumed.scar) == weights_of(whole.scar)
    assert weights_of(resumed.anatomy) == weights_of(whole.anatomy)
    assert resumed.log == whole.log and len(whole.log) == 3 * 2 + 3
    assert resumed.without_prior == whole.without_prior
    for name, prior in whole.priors.items():
        np.testing.assert_array_equal(resumed.priors[name], prior)
    assert set(whole.priors) == {"case-1", "case-2", "case-3", "case-4", "case-9"}


@pytest.mark.parametrize("stop_at", [6, 7, 8])
def test_an_interruption_changes_no_weight_of_the_fusion_by_segments(stop_at, tmp_path):
    from scartools.files.checkpoint import read_checkpoint, write_checkpoint

    settings = replace(FULL, fusion="segment", fusion_stage=1)
    whole = run(settings)
    write_checkpoint(tmp_path, run(settings, stop_at=stop_at))
    resumed = run(settings, state=read_checkpoint(tmp_path))
    assert weights_of(resumed.scar) == weights_of(whole.scar)
    assert resumed.log == whole.log and whole.log[-1]["EcgWeight"] is not None


@pytest.mark.parametrize(("fusion", "freeze"), [("taff", True), ("taff", False), ("segment", False)])
def test_an_encoder_that_is_frozen_or_speaks_in_segments_stays_as_it_was(fusion, freeze):
    settings = replace(
        IMAGE, prior_source="truth", ecg=True, fusion=fusion, fusion_stage=1, freeze_encoder=freeze
    )
    cases = [replace(one, prior=prior_of(anatomy_of(one.label), one.affine).segments) for one in CASES]
    result = untrained(LABELS, settings)
    before = weights_of(result.scar.ecg)
    for _ in train_stages(cases, [], LABELS, settings, Setting(), result):
        pass
    assert (weights_of(result.scar.ecg) == before) is (freeze or fusion == "segment")
    assert (result.evidence is not None) is (fusion == "segment")


def test_the_encoder_of_the_ecg_learns_in_one_iteration_of_so_many():
    settings = replace(
        IMAGE,
        prior_source="truth",
        ecg=True,
        fusion_stage=1,
        ecg_every=3,
        ecg_dropout=0.0,
        ecg_warm_up=0.0,
    )
    learns = [
        replace(
            one, label=numbered(one.label, LABELS), prior=prior_of(anatomy_of(one.label), one.affine).segments
        )
        for one in CASES
    ]
    network = untrained(LABELS, settings).scar
    fused = network.taff
    before, changed, spoken = (weights_of(network.ecg), weights_of(fused)), [], []
    for _ in train(network, learns, [], settings, Setting(), iterations=7):
        now = (weights_of(network.ecg), weights_of(fused))
        changed.append(now[0] != before[0])
        spoken.append(now[1] != before[1])
        before = now
    assert changed == [True, False, False, True, False, False, True]
    assert all(spoken)


def test_crops_without_any_ecg_are_learned_from():
    settings = replace(IMAGE, prior_source="truth", ecg=True, fusion="segment", fusion_stage=1, ecg_dropout=1.0)
    result = untrained(LABELS, settings)
    cases = [replace(one, prior=prior_of(anatomy_of(one.label), one.affine).segments) for one in CASES]
    reports = list(train_stages(cases, LOOK, LABELS, settings, Setting(), result))
    assert np.isfinite(reports[-1].progress.loss) and reports[-1].progress.ecg_weight is None


@pytest.mark.parametrize("stop_at", [1, 3, 5, 8])
def test_an_interruption_changes_no_averaged_weight(stop_at, tmp_path):
    from scartools.files.checkpoint import read_checkpoint, write_checkpoint

    settings = replace(FULL, ema=0.9)
    whole = run(settings)
    write_checkpoint(tmp_path, run(settings, stop_at=stop_at))
    resumed = run(settings, state=read_checkpoint(tmp_path))
    assert weights_of(resumed.scar) == weights_of(whole.scar)
    assert weights_of(resumed.anatomy) == weights_of(whole.anatomy)
    assert resumed.log == whole.log


def test_the_averaged_weights_are_the_mean_that_was_asked_for():
    settings, seen = replace(IMAGE, ema=0.5, size=Size(2, 4, (32, 32), 2, 4, 2)), []
    network = untrained(LABELS, settings).scar
    mean = {name: value.clone() for name, value in network.named_parameters()}
    learns = [replace(one, label=numbered(one.label, LABELS)) for one in CASES]
    for number, _ in enumerate(train(network, learns, [], settings, Setting(), iterations=4)):
        decay = min(0.5, (1 + number) / (10 + number))
        mean = {name: decay * mean[name] + (1 - decay) * value for name, value in network.named_parameters()}
        seen.append(weights_of(network))
    for name, value in network.named_parameters():
        torch.testing.assert_close(value, mean[name])
    assert weights_of(network) != seen[-1]  # those of the last iteration were put away


def test_a_report_names_its_curves_by_the_labels_of_its_network():
    result = untrained(LABELS, FULL)
    reports = list(train_stages(CASES, LOOK, LABELS, FULL, Setting(), result))
    names = {report.job.stage: set(report.values(LABELS)) for report in reports if report.progress.dice}
    assert names["anatomy"] == {"loss", "learning_rate", "dice_1", "dice_2", "dice_5"}
    assert names["scar"] == {"loss", "learning_rate", "dice_1", "dice_2", "dice_3", "dice_5"}


def test_the_seed_decides():
    assert weights_of(run(IMAGE).scar) == weights_of(run(IMAGE).scar)
    assert weights_of(run(IMAGE).scar) != weights_of(run(replace(IMAGE, seed=1)).scar)


@pytest.mark.slow
def test_it_learns():
    settings = replace(IMAGE, size=Size(8, 32, (32, 32), 8, 120, 1), rotation_deg=10.0)
    result = untrained(LABELS, settings)
    last = None
    for report in train_stages(CASES, LOOK, LABELS, settings, Setting(), result):
        last = report.progress if report.progress.dice else last
    assert last.dice[1] > 0.85 and last.dice[2] > 0.7  # pool and wall of a patient it never saw


def test_a_pretrained_encoder_is_where_the_fused_network_starts():
    torch.manual_seed(4)
    encoder = ECGAutoencoder(ECGAutoencoderConfig(code=32))
    network = untrained(LABELS, FULL, encoder).scar
    assert network.parts.encoder.code == 32
    assert weights_of(network.ecg) == weights_of(encoder)


def test_a_loss_that_is_no_number_stops_the_training():
    network = untrained(LABELS, IMAGE).scar
    label = numbered(CASES[0].label, LABELS)
    broken = replace(CASES[0], image=np.full_like(CASES[0].image, np.inf), label=label)
    with pytest.raises(ScartoolsError, match=f"loss is nan at iteration 1, whose crops are of {broken.id}"):
        list(train(network, [broken], [], IMAGE, Setting(), iterations=1))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_too_little_memory_says_what_to_lower(error, monkeypatch):
    network = untrained(LABELS, IMAGE).scar

    def fail(*_given, **_named):
        raise error

    monkeypatch.setattr(network, "segment", fail)
    with pytest.raises(ScartoolsError, match="not enough memory") as raised:
        list(train(network, CASES, [], IMAGE, Setting(), iterations=1))
    assert "--batch" in raised.value.remedy


def test_another_runtime_error_stays_what_it_is(monkeypatch):
    network = untrained(LABELS, IMAGE).scar

    def fail(*_given, **_named):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(network, "segment", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(train(network, CASES, [], IMAGE, Setting(), iterations=1))


def test_three_optimisers_follow_their_schedules():
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    made = [torch.optim.SGD(parameter, lr=1), torch.optim.AdamW(parameter), torch.optim.AdamW(parameter)]
    settings = replace(FULL, image_rate=0.1, ecg_rate=1e-4, gate_rate=1e-3, warm_up=0.1)

    def at(number):
        _set_rates(made, settings, number, 100)
        return [optimiser.param_groups[0]["lr"] for optimiser in made]

    assert at(0) == pytest.approx([0.1, 1e-5, 1e-4])
    assert at(50)[0] == pytest.approx(0.1 * 0.5**0.9)
    assert at(10)[1:] == pytest.approx([1e-4, 1e-3])  # the top, after a tenth
    assert at(55)[1:] == pytest.approx([0.5e-4, 0.5e-3])  # half way down the cosine
    assert at(99)[2] < 1e-6


def test_presets_follow_the_plan_and_what_is_given():
    plan = {"Patch": [256, 224], "Batch": 12}
    assert size_of("nnunet", plan).stages() == (
        (32, 64, 128, 256, 512, 512),
        ((1, 1), (2, 2), (2, 2), (2, 2), (2, 2), (2, 2)),
    ) or size_of("nnunet", plan).stages()[0][:5] == (32, 64, 128, 256, 512)
    small = size_of("small", plan)
    assert (small.features, small.iterations, small.batch, small.patch) == (16, 1000, 16, (96, 96))
    changed = size_of("small", plan, iterations=11, patch=100, features=6)
    assert (changed.iterations, changed.anatomy_iterations, changed.patch, changed.most_features) == (
        11,
        5,
        (112, 112),
        96,
    )
    assert size_of("small", {"Patch": [64, 20], "Batch": 2}).patch == (64, 32)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"ecg": False}, "interval"), ({"mirror": True}, "mirroring"), ({"fusion_stage": 4}, "fusion stage")],
)
def test_settings_that_contradict_themselves_are_refused(change, word):
    with pytest.raises(InputError, match=word):
        replace(FULL, **change)


def test_settings_survive_json():
    import json

    assert Settings.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL
