"""Training as a user sees it: what lies in a model, what is refused, and that stopping changes nothing."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.running import run_inside, start_forked

TRAIN = ["--preset", "tiny", "--patch", "32", "--features", "4", "--batch", "2", "--threads", "1"]
LONG = [*TRAIN, "--iterations", "20", "--no-prior", "-q"]


def test_a_model_holds_both_stages_the_log_the_curve_and_the_priors(dataset, tmp_path):
    out = tmp_path / "model"
    done = run_inside("train", dataset, *TRAIN, "--iterations", "2", "--cross-fit", "2", "-o", out, "--json")
    assert done.status == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        "card.md", "log.jsonl", "model.json", "priors", "progress.png", "prov.json", "weights.safetensors",
    }  # fmt: skip
    said = json.loads((out / "model.json").read_text())
    assert said["Inputs"]["Prior"] == "predicted" and said["Inputs"]["Ecg"] and said["Inputs"]["Time"]
    assert said["Cohort"]["TrainingWithEcg"] == 1
    networks = {json.loads(line)["Network"] for line in (out / "log.jsonl").read_text().splitlines()}
    assert networks == {"anatomy, fold 1 of 2", "anatomy, fold 2 of 2", "anatomy", "scar"}
    assert "Research use only" in (out / "card.md").read_text()
    assert run_inside("check", out).status == 0


def test_the_network_is_the_one_that_the_data_set_was_planned_for(dataset, tmp_path):
    pairs = dataset.parent / "pairs.tsv"
    done = run_inside("preprocess", pairs, "--network", "residual-m", "-o", tmp_path / "dataset", "-q")
    assert done.status == 0, done.stderr
    plan = json.loads((tmp_path / "dataset/dataset.json").read_text())["Plan"]
    plain = json.loads((dataset / "dataset.json").read_text())["Plan"]
    assert plan["Network"] == "residual-m" and "Network" not in plain
    assert plan["Patch"] == plain["Patch"] and plan["Batch"] > plain["Batch"]  # of two patients 5 % are few
    options = [*TRAIN, "--iterations", "2", "--no-prior", "-q"]
    done = run_inside("train", tmp_path / "dataset", *options, "-o", tmp_path / "model")
    assert done.status == 0, done.stderr
    said = json.loads((tmp_path / "model/model.json").read_text())
    stages = len(said["Network"]["features"])
    assert said["Network"]["blocks"] == [1, 3, 4, 6, 6][:stages] and said["Network"]["convolutions"] == 1
    assert said["Settings"]["network"] == "residual" and said["Settings"]["ecg"]  # the fusion finds its stage
    weights = load_file(tmp_path / "model/weights.safetensors")
    assert "scar.encoder.stem.convs.0.conv.weight" in weights
    assert (
        np.abs(weights["scar.encoder.stages.1.blocks.2.conv2.norm.weight"]).max() > 0
    )  # it began at 0 and learned


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--no-ecg", "--time"], 2, "--time has no meaning"),
        (["--no-prior", "--prior-source", "truth"], 2, "--prior-source truth has no meaning"),
        (["--fusion", "segment", "--tune-encoder"], 2, "--tune-encoder has no meaning"),
        (["--no-prior-channels"], 2, "--no-prior-channels leaves the segments to the ECG"),
        (["--no-prior-channels", "--fusion", "segment", "--no-ecg"], 2, "--no-prior-channels leaves"),
        (["--no-prior-channels", "--fusion", "segment", "--no-prior"], 2, "--no-prior-channels leaves"),
        (["--no-prior", "--fusion", "segment"], 2, "paints into the AHA segments"),
        (["--fusion-stage", "9"], 3, "fusion stage 9"),
        (["--mirror"], 3, "mirroring"),
        (["--fold", "7"], 3, "fold 7"),
        (["--prior-source", "manual"], 3, "no prior"),
        (["--cross-fit", "5"], 3, "5 folds"),
        (["--anchor", "angle"], 2, "--angle"),
        (["--device", "cuda:77"], 2, "cuda:77"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_written(
    dataset, tmp_path, options, status, words
):
    done = run_inside("train", dataset, *TRAIN, "--iterations", "1", *options, "-o", tmp_path / "model")
    assert done.status == status, done.stderr
    assert words in done.error and list(tmp_path.iterdir()) == []


def test_a_patient_in_two_splits_is_fatal(dataset, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    place = copy / "cases/sim-0002/case.json"
    said = json.loads(place.read_text())
    place.write_text(json.dumps({**said, "ParticipantId": "sim-0001", "Group": "sim-0001", "Split": "test"}))
    done = run_inside("train", copy, *TRAIN, "--no-prior", "--iterations", "1", "-o", tmp_path / "model")
    assert done.status == 3 and "two splits" in done.error


@pytest.fixture(scope="module")
def whole(dataset: Path) -> Path:
    """A training that nobody stopped."""
    out = dataset.parent / "whole"
    assert run_inside("train", dataset, *LONG, "-o", out).status == 0
    return out


def stopped(dataset: Path, out: Path, number: signal.Signals, after_s: float = 0.1) -> int:
    """Start the same training and stop it once it has a checkpoint; return its status."""
    work = start_forked("train", dataset, *LONG, "-o", out)
    while not (out / "checkpoint/state.safetensors").exists() and not work.has_ended:
        time.sleep(0.01)
    time.sleep(after_s)
    work.send_signal(number)
    return work.result().status


@pytest.fixture(scope="module")
def unfinished(dataset: Path) -> Path:
    """What a stopped training leaves."""
    out = dataset.parent / "unfinished"
    assert stopped(dataset, out, signal.SIGTERM) == 75
    return out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL], ids=lambda n: n.name)
def test_a_stopped_training_ends_with_the_weights_of_one_that_was_not(dataset, whole, tmp_path, number):
    broken = tmp_path / "broken"
    moment = float(np.random.default_rng().uniform(0, 0.3))
    assert stopped(dataset, broken, number, moment) == (-9 if number == signal.SIGKILL else 75), moment
    assert not (broken / "model.json").exists()
    assert [path.name for path in broken.iterdir()] == ["checkpoint"]
    assert run_inside("train", dataset, *LONG, "-o", broken).status == 0
    assert bytes_of(broken) == bytes_of(whole)
    assert not (broken / "checkpoint").exists()


def bytes_of(folder: Path) -> dict[str, bytes]:
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: data for name, data in found.items() if name != "prov.json"}


@pytest.mark.parametrize("change", [["--iterations", "21"], ["--seed", "2"], ["--no-time"]], ids=" ".join)
def test_another_training_does_not_go_on_from_a_checkpoint(dataset, unfinished, change):
    before = bytes_of(unfinished)
    done = run_inside("train", dataset, *LONG, *change, "-o", unfinished)
    assert done.status == 3 and "other settings" in done.error and "--no-resume --force" in done.error
    assert bytes_of(unfinished) == before


def test_a_changed_data_set_does_not_go_on_from_a_checkpoint(dataset, unfinished, tmp_path):
    shutil.copytree(dataset, tmp_path / "dataset")
    place = tmp_path / "dataset/cases/sim-0001/label.npy"
    np.save(place, np.load(place) * 0)
    shutil.copytree(unfinished, tmp_path / "model")
    done = run_inside("train", tmp_path / "dataset", *LONG, "-o", tmp_path / "model")
    assert done.status == 3 and "other inputs" in done.error


def test_to_start_again_needs_force(dataset, unfinished, whole, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(unfinished, copy)
    done = run_inside("train", dataset, *LONG, "--no-resume", "-o", copy)
    assert done.status == 4 and "--no-resume --force" in done.error
    assert bytes_of(copy) == bytes_of(unfinished)
    assert run_inside("train", dataset, *LONG, "--no-resume", "--force", "-o", copy).status == 0
    assert bytes_of(copy) == bytes_of(whole)


@pytest.mark.parametrize("change", ["half", "one bit", "text", "header"])
def test_a_damaged_checkpoint_is_refused_with_a_remedy(dataset, unfinished, tmp_path, change):
    copy = tmp_path / "model"
    shutil.copytree(unfinished, copy)
    place = copy / "checkpoint/state.safetensors"
    data = place.read_bytes()
    header = data.replace(b'"format":"scartools', b'"format":"somebody.')
    damaged = {"half": data[: len(data) // 2], "one bit": data[:-1] + bytes([data[-1] ^ 1]), "text": b"hello"}
    place.write_bytes(damaged.get(change, header))
    assert place.read_bytes() != data
    done = run_inside("train", dataset, *LONG, "-o", copy)
    assert done.status == 3 and "checkpoint" in done.error and "--no-resume --force" in done.error


def test_two_runs_give_the_same_bytes_and_another_seed_others(dataset, tmp_path):
    words = ["train", dataset, *TRAIN, "--iterations", "2", "--no-prior", "-q"]
    for name, seed in (("one", "3"), ("two", "3"), ("other", "4")):
        assert run_inside(*words, "--seed", seed, "-o", tmp_path / name).status == 0
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert (
        bytes_of(tmp_path / "one")["weights.safetensors"] != bytes_of(tmp_path / "other")["weights.safetensors"]
    )


@pytest.mark.parametrize(
    ("options", "inputs", "present", "absent"),
    [
        (["--no-prior", "--no-ecg"], ("none", False, False), (), ("scar.ecg.", "scar.taff.", "anatomy.")),
        (["--no-prior", "--no-time"], ("none", True, False), ("scar.ecg.", "scar.taff."), ("anatomy.",)),
        (
            ["--no-prior", "--taff-form", "paper"],
            ("none", True, True),
            ("scar.taff.",),
            ("scar.segment_fusion.",),
        ),
        (
            ["--prior-source", "truth", "--fusion", "segment"],
            ("truth", True, True),
            ("scar.ecg.", "scar.segment_fusion."),
            ("scar.taff.", "anatomy."),
        ),
        (
            ["--fusion", "segment", "--no-prior-channels", "--cross-fit", "2"],
            ("predicted", True, True),
            ("scar.segment_fusion.", "anatomy."),
            ("scar.taff.",),
        ),
        (["--no-prior", "--fusion-stage", "0"], ("none", True, True), ("scar.taff.",), ()),
        (["--prior-source", "truth"], ("truth", True, True), ("scar.ecg.",), ("anatomy.",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_model_has_the_parts_that_were_asked_for(dataset, tmp_path, options, inputs, present, absent):
    out = tmp_path / "model"
    done = run_inside("train", dataset, *TRAIN, "--iterations", "2", *options, "-q", "-o", out)
    assert done.status == 0, done.stderr
    said = json.loads((out / "model.json").read_text())
    assert tuple(said["Inputs"][name] for name in ("Prior", "Ecg", "Time")) == inputs
    names = load_file(out / "weights.safetensors").keys()
    assert all(any(name.startswith(part) for name in names) for part in present)
    assert not any(name.startswith(part) for name in names for part in absent)
    fusion = "segment" if "segment" in options else "taff"
    assert said["Settings"]["fusion"] == fusion and said["Network"]["fusion"] == fusion
    shown = not {"--no-prior", "--no-prior-channels"} & set(options)
    assert said["Inputs"]["PriorChannels"] == said["Network"]["prior"] == shown
    assert ("it is shown the image alone" in (out / "card.md").read_text()) == (
        "--no-prior-channels" in options
    )
    if "--taff-form" in options:
        assert said["Settings"]["taff_form"] == "paper" and said["Network"]["taff_form"] == "paper"
    if fusion == "segment":
        assert said["Settings"]["fusion_stage"] == 1
    if "--fusion-stage" in options:
        assert said["Settings"]["fusion_stage"] == 0


def test_the_true_prior_is_stored_and_is_that_of_the_labels(dataset, tmp_path):
    out = tmp_path / "model"
    words = ["--iterations", "1", "--prior-source", "truth", "--no-ecg", "-q"]
    assert run_inside("train", dataset, *TRAIN, *words, "-o", out).status == 0
    for name in ("sim-0001", "sim-0002"):
        prior, label = np.load(out / f"priors/{name}.npy"), np.load(dataset / f"cases/{name}/label.npy")
        assert set(np.unique(prior)) >= set(range(17))  # the apical cap may be missing
        assert np.all(np.isin(label[prior > 0], (2, 3, 4)))


def test_true_labels_that_tell_no_segments_are_learned_from_without_a_prior(dataset, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    words = ["train", copy, *TRAIN, "--iterations", "1", "--prior-source", "truth", "--no-ecg", "-q"]
    for name in ("sim-0002", "sim-0001"):
        label = np.load(copy / f"cases/{name}/label.npy")
        np.save(copy / f"cases/{name}/label.npy", np.where(label == 5, 0, label))
        done = run_inside(*words, "-o", tmp_path / name)
        if name == "sim-0001":  # the last of them
            assert done.status == 3 and "no case has AHA segments" in done.error and "RV" in done.error
            break
        assert done.status == 0 and "case sim-0002 was trained without a prior" in done.stderr
        said = json.loads((tmp_path / name / "model.json").read_text())
        assert list(said["WithoutPrior"]) == ["sim-0002"] and "RV" in said["WithoutPrior"]["sim-0002"]
        assert [path.name for path in (tmp_path / name / "priors").iterdir()] == ["sim-0001.npy"]


def test_a_stored_prior_is_used_when_it_is_called_manual(dataset, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    for name in ("sim-0001", "sim-0002"):
        label = np.load(copy / f"cases/{name}/label.npy")
        np.save(copy / f"cases/{name}/prior.npy", np.where(np.isin(label, (2, 3, 4)), 7, 0).astype(np.uint8))
    words = ["--iterations", "1", "--prior-source", "manual", "--no-ecg", "-q"]
    assert run_inside("train", copy, *TRAIN, *words, "-o", tmp_path / "model").status == 0
    assert set(np.unique(np.load(tmp_path / "model/priors/sim-0001.npy"))) == {0, 7}


def test_without_any_beat_there_is_no_ecg_to_learn_from(dataset, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    (copy / "cases/sim-0001/beat.npy").unlink()
    done = run_inside("train", copy, *TRAIN, "--no-prior", "--iterations", "1", "-o", tmp_path / "model")
    assert done.status == 3 and "--no-ecg" in done.error
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["image", "beat"])
def test_what_is_no_number_is_refused_before_it_is_learned_from(dataset, tmp_path, name):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    place = copy / f"cases/sim-0001/{name}.npy"
    array = np.load(place)
    array.flat[array.size // 2] = np.nan
    np.save(place, array)
    done = run_inside("train", copy, *TRAIN, "--no-prior", "--iterations", "1", "-o", tmp_path / "model")
    assert done.status == 3 and "sim-0001" in done.error and "NaN" in done.error
    assert not (tmp_path / "model").exists()


def test_a_pretrained_encoder_is_taken(cohort, dataset, tmp_path):
    encoder, out = tmp_path / "encoder", tmp_path / "model"
    done = run_inside("pretrain-ecg", cohort / "truth/beats.tsv", "--epochs", "1", "-q", "-o", encoder)
    assert done.status == 0, done.stderr
    words = ["train", dataset, *TRAIN, "--no-prior", "--iterations", "1", "--encoder", encoder, "-q"]
    assert run_inside(*words, "-o", out).status == 0
    found, given = load_file(out / "weights.safetensors"), load_file(encoder / "weights.safetensors")
    far = max(float(np.abs(found[f"scar.ecg.{name}"] - value).max()) for name, value in given.items())
    assert far < 0.01  # one step away from it
    prov = json.loads((out / "prov.json").read_text())
    assert any(source["Path"].endswith("encoder/model.json") for source in prov["Sources"])
    done = run_inside(*words, "--no-ecg", "-o", tmp_path / "none")
    assert done.status == 2 and "--encoder" in done.error
    done = run_inside("train", dataset, *TRAIN, "--no-prior", "--encoder", out, "-o", tmp_path / "none")
    assert done.status == 3 and "not an encoder" in done.error and str(out) in done.error
    description = json.loads((encoder / "model.json").read_text())
    description["Architecture"]["code"] *= 2
    (encoder / "model.json").write_text(json.dumps(description))
    done = run_inside(*words, "-o", tmp_path / "none")
    assert done.status == 3 and "weights do not fit" in done.error


def test_a_first_stage_is_taken_with_its_priors(dataset, tmp_path):
    first, out = tmp_path / "first", tmp_path / "model"
    words = ["train", dataset, *TRAIN, "--iterations", "1", "--cross-fit", "2", "--no-ecg", "-q"]
    assert run_inside(*words, "-o", first).status == 0
    assert run_inside(*words, "--seed", "9", "--first-stage", first, "-o", out).status == 0
    found, given = load_file(out / "weights.safetensors"), load_file(first / "weights.safetensors")
    assert all(
        np.array_equal(found[name], value) for name, value in given.items() if name.startswith("anatomy.")
    )
    assert not all(np.array_equal(found[name], value) for name, value in given.items())
    for prior in (first / "priors").iterdir():
        assert (out / "priors" / prior.name).read_bytes() == prior.read_bytes()
    done = run_inside(*words, "--features", "2", "--first-stage", first, "-o", tmp_path / "none")
    assert done.status == 3 and "another size" in done.error
    done = run_inside(*words, "--start-from", first, "--first-stage", first, "-o", tmp_path / "none")
    assert done.status == 2 and "--start-from takes the first stage too" in done.error


def test_an_ecg_that_only_paints_goes_on_from_the_image_alone(dataset, tmp_path):
    image, first = tmp_path / "image", tmp_path / "first"
    words = ["train", dataset, *TRAIN, "--iterations", "1", "--cross-fit", "2", "-q"]
    assert run_inside(*words, "--no-prior", "--no-ecg", "-o", image).status == 0
    assert run_inside(*words, "--no-ecg", "-o", first).status == 0
    painted = [*words, "--fusion", "segment", "--no-prior-channels", "--learning-rate", "1e-9"]
    for name, more in (("both", ["--first-stage", first]), ("own", [])):
        out = tmp_path / name
        done = run_inside(*painted, "--start-from", image, *more, "-o", out)
        assert done.status == 0, done.stderr
        found = load_file(out / "weights.safetensors")
        for folder, part in ((image, "scar."), (first, "anatomy.")) if more else ((image, "scar."),):
            given = load_file(folder / "weights.safetensors")
            assert all(
                np.allclose(found[key], value, atol=1e-6)
                for key, value in given.items()
                if key.startswith(part)
            )
        said = json.loads((out / "model.json").read_text())
        assert said["StartedFrom"]["Iterations"] == 1 and len(list((out / "priors").iterdir())) == 2
    for start, why in ((first, "cannot start as"), (tmp_path / "both", "cannot start as")):
        done = run_inside(*painted, "--start-from", start, "-o", tmp_path / "none")
        assert done.status == 3 and why in done.error


def test_a_training_begins_with_a_network_of_other_patients_and_never_of_those_held_out(dataset, tmp_path):
    other, out = tmp_path / "other", tmp_path / "model"
    shutil.copytree(dataset, other)
    for path in other.glob("cases/*/case.json"):
        said = json.loads(path.read_text())
        path.write_text(json.dumps(said | {key: f"other-{said[key]}" for key in ("ParticipantId", "Group")}))
    words = [*TRAIN, "--iterations", "2", "--no-prior", "-q"]
    assert run_inside("train", other, *words, "--no-ecg", "-o", tmp_path / "first").status == 0
    begin = [
        "train",
        dataset,
        *words,
        "--iterations",
        "1",
        "--learning-rate",
        "1e-9",
    ]
    done = run_inside(*begin, "--pretrained", tmp_path / "first", "-o", out)
    assert done.status == 0, done.stderr
    found, given = (load_file(folder / "weights.safetensors") for folder in (out, tmp_path / "first"))
    assert all(np.allclose(found[name], value, atol=1e-6) for name, value in given.items())
    said = json.loads((out / "model.json").read_text())
    assert said["PretrainedFrom"]["TrainedOn"] == ["other-sim-0001", "other-sim-0002"]
    assert "had learned from 2 other patients" in (out / "card.md").read_text()
    again = tmp_path / "again"
    assert run_inside("train", dataset, *words, "--start-from", tmp_path / "first", "-o", again).status == 3
    for broken in (["a", "list"], {}, {"TrainedOn": "other-sim-0001"}):
        said["PretrainedFrom"] = broken
        (out / "model.json").write_text(json.dumps(said))
        done = run_inside(*begin, "--pretrained", out, "-o", again)
        assert done.status == 3 and "model" in done.error and not again.exists()
    fold = [*words, "--no-ecg", "--fold", "0", "--pretrained", tmp_path / "first"]
    done = run_inside("train", other, *fold, "-o", again)
    assert done.status == 3 and "held out here, other-sim-000" in done.error and not again.exists()
    done = run_inside(*begin, "--pretrained", out, "--start-from", out, "-o", again)
    assert done.status == 2 and "--pretrained and --start-from" in done.error


def test_a_training_goes_on_from_a_model_and_says_so(dataset, tmp_path):
    first, out = tmp_path / "first", tmp_path / "model"
    words = ["train", dataset, *TRAIN, "--cross-fit", "2", "-q"]
    assert run_inside(*words, "--iterations", "2", "--no-ecg", "-o", first).status == 0
    fused = [*words, "--iterations", "1", "--fusion", "segment", "--start-from", first]
    done = run_inside(*fused, "--learning-rate", "1e-9", "-o", out)
    assert done.status == 0, done.stderr
    found, given = load_file(out / "weights.safetensors"), load_file(first / "weights.safetensors")
    assert all(np.allclose(found[name], value, atol=1e-6) for name, value in given.items())
    assert any(name.startswith("scar.segment_fusion.") for name in found)
    said, before = (json.loads((folder / "model.json").read_text()) for folder in (out, first))
    assert said["StartedFrom"] == {"WeightsSHA256": before["WeightsSHA256"], "Iterations": 2}
    assert before["StartedFrom"] is None and said["Evidence"]["Patients"] == 0
    card = (out / "card.md").read_text()
    assert "went on from another training's network, of 2 iterations" in card and "its ECGs say nothing" in card
    for options, why in (
        (["--fold", "0"], "learned from other patients"),
        (["--patch", "48"], "Give --patch 32"),
        (["--anchor", "both-insertions"], "angle of its segments"),
    ):
        done = run_inside(
            *words, "--iterations", "1", "--no-ecg", "--start-from", first, *options, "-o", tmp_path / "none"
        )
        assert done.status == 3 and why in done.error and str(first) in done.error, done.stderr
        assert not (tmp_path / "none").exists()


def test_the_curves_are_drawn_for_tensorboard_too(dataset, tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    options = [*TRAIN, "--iterations", "4", "--no-prior", "--no-ecg", "--tensorboard", tmp_path / "curves"]
    assert run_inside("train", dataset, *options, "-o", tmp_path / "model").status == 0
    (kept,) = (tmp_path / "curves").iterdir()
    data, events = kept.read_bytes(), []
    while data:  # a length, its checksum, the event, its checksum
        size = int.from_bytes(data[:8], "little")
        events.append(Event.FromString(data[12 : 12 + size]))
        data = data[16 + size :]
    points = [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]
    lines = [json.loads(line) for line in (tmp_path / "model/log.jsonl").read_text().splitlines()]
    drawn = [(step, value) for step, tag, value in points if tag == "scar/loss"]
    assert drawn == [(line["Iteration"], pytest.approx(line["Loss"], abs=1e-5)) for line in lines]
    assert {tag for _, tag, _ in points} == {"scar/loss", "scar/learning_rate"}  # nobody to validate on


def test_an_error_of_the_training_is_not_taken_for_one_of_the_curves(tmp_path):
    from scartools.cli.tensorboard import curves

    with pytest.raises(OSError, match="elsewhere"), curves(tmp_path / "curves") as draw:
        draw("scar", 1, {"loss": 1.0})
        raise OSError("elsewhere")


def test_curves_that_cannot_be_drawn_are_refused(dataset, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    options = [*TRAIN, "--iterations", "4", "--no-prior", "--no-ecg", "--tensorboard"]
    done = run_inside("train", dataset, *options, tmp_path / "file", "-o", tmp_path / "model")
    assert done.status == 1 and "--tensorboard" in done.error and not (tmp_path / "model/model.json").exists()
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    done = run_inside("train", dataset, *options, tmp_path / "curves", "-o", tmp_path / "other")
    assert done.status == 2 and "scartools[tensorboard]" in done.error
