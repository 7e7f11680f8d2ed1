"""Going on from a model: the same network to the last bit, and nothing taken that does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scartools.errors import InputError
from scartools.learning.dataset import Material
from scartools.learning.model_checks import require_unseen
from scartools.learning.prediction import Model
from scartools.learning.settings import Settings, Size, rates_of
from scartools.learning.starting import begin_with, go_on_from, require_same_data, take, take_first_stage
from scartools.learning.two_stage import anatomy_labels, untrained
from scartools.network.segmenter import Ecg
from tests.unit.learning.learning_phantom import LABELS, case

PRIOR = Settings(
    Size(4, 8, (32, 32), 2, 3, 2), ecg=False, time=False, fusion_stage=1, around_heart=True, **rates_of("tiny")
)
CASES = [case(number) for number in (1, 2)]


def model_of(settings: Settings, seed: int = 8) -> Model:
    """A model with the weights of another seed."""
    found = untrained(LABELS, replace(settings, seed=seed))
    known = anatomy_labels(LABELS)
    return Model(
        found.scar,
        found.anatomy,
        LABELS,
        known,
        settings,
        None,
        frozenset({"a"}),
        frozenset(),
        finder=found.finder,
    )


def test_a_network_that_paints_only_starts_as_one_of_the_image_alone():
    settings = replace(PRIOR, ecg=True, time=True, fusion="segment", prior_channels=False)
    theirs, ours = model_of(replace(PRIOR, prior_source="none")), untrained(LABELS, settings)
    assert ours.anatomy is not None and not ours.scar.parts.prior
    go_on_from(ours, theirs, settings, "abc")
    take_first_stage(ours, model_of(PRIOR), {}, [], settings)
    torch.manual_seed(1)
    x, prior = torch.randn(2, 1, 32, 32), torch.randint(0, 18, (2, 32, 32))
    ecg = Ecg(torch.randn(2, 12, 600), torch.tensor([3.0, 30.0]), torch.ones(2, dtype=torch.bool))
    with torch.inference_mode():
        expected = theirs.scar.eval().segment(x).logits[0]
        assert torch.equal(ours.scar.eval().segment(x, prior, ecg).logits[0], expected)
    with pytest.raises(InputError, match="cannot start as"):
        go_on_from(untrained(LABELS, settings), model_of(PRIOR), settings, "")


def test_with_the_last_network_comes_the_finder_whose_windows_it_knows():
    settings = replace(PRIOR, ecg=True, time=True, fusion="segment", prior_channels=False)
    image, first = model_of(replace(PRIOR, prior_source="none")), model_of(PRIOR, seed=9)
    material = Material((replace(CASES[0], group="a"),), (), {CASES[0].id: "a"}, LABELS, {}, None, {})
    priors = {CASES[0].id: np.zeros(CASES[0].label.shape, np.uint8)}
    result = untrained(LABELS, settings)
    take("first", result, first, priors, material, settings, "f")
    take("last", result, image, {}, material, settings, "l")
    for mine, theirs in ((result.finder, image.finder), (result.anatomy, first.anatomy)):
        assert all(torch.equal(mine.state_dict()[name], value) for name, value in theirs.state_dict().items())
    assert result.started_from["WeightsSHA256"] == "l" and result.given


@pytest.mark.parametrize("fusion", ["segment", "taff"])
def test_a_fused_network_starts_as_the_network_that_it_goes_on_from(fusion):
    settings = replace(PRIOR, ecg=True, time=True, fusion=fusion)
    theirs, ours = model_of(PRIOR), untrained(LABELS, settings)
    fresh = {name: value.clone() for name, value in ours.scar.state_dict().items()}
    go_on_from(ours, theirs, settings, "abc")
    torch.manual_seed(1)
    x, prior = torch.randn(2, 1, 32, 32), torch.randint(0, 18, (2, 32, 32))
    ecg = Ecg(torch.randn(2, 12, 600), torch.tensor([3.0, 30.0]), torch.ones(2, dtype=torch.bool))
    with torch.inference_mode():
        expected = theirs.scar.eval().segment(x, prior).logits[0]
        found = ours.scar.eval().segment(x, prior, ecg).logits[0]
    if fusion == "segment":
        assert torch.equal(found, expected)
    torch.testing.assert_close(found, expected)
    new = [name for name in fresh if name.startswith(("ecg.", "taff.", "segment_fusion."))]
    assert new and all(torch.equal(ours.scar.state_dict()[name], fresh[name]) for name in new)
    assert ours.started_from == {"WeightsSHA256": "abc", "Iterations": 3}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"size": Size(4, 8, (48, 48), 2, 3, 2)}, "Give --patch 32"),
        ({"size": Size(8, 16, (32, 32), 2, 3, 2)}, "cannot start as"),
        ({"prior_source": "none"}, "cannot start as"),
    ],
)
def test_another_network_is_no_start(change, why):
    settings = replace(PRIOR, **change)
    with pytest.raises(InputError) as refused:
        go_on_from(untrained(LABELS, settings), model_of(PRIOR), settings, "")
    assert why in f"{refused.value} {refused.value.remedy}"


def test_a_network_with_an_ecg_is_no_start():
    fused = replace(PRIOR, ecg=True, time=True, fusion="segment")
    for settings in (PRIOR, fused):
        with pytest.raises(InputError, match="cannot start as"):
            go_on_from(untrained(LABELS, settings), model_of(fused), settings, "")


def test_finder_first_stage_and_priors_are_taken_as_they_are():
    model, result = model_of(PRIOR), untrained(LABELS, PRIOR)
    priors = {one.id: np.full(one.label.shape, number, np.uint8) for number, one in enumerate(CASES)}
    take_first_stage(result, model, priors, CASES, PRIOR)
    for mine, theirs in ((result.anatomy, model.anatomy), (result.finder, model.finder)):
        assert all(torch.equal(mine.state_dict()[name], value) for name, value in theirs.state_dict().items())
    assert result.given and all(result.priors[one.id] is priors[one.id] for one in CASES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"around_heart": False}, "around the heart"),
        ({"prior_source": "truth"}, "source is predicted, not truth"),
        ({"anchor": "image-left"}, "angle of its segments"),
        ({"size": Size(8, 16, (32, 32), 2, 3, 2)}, "another size"),
    ],
)
def test_a_first_stage_of_another_kind_is_refused(change, why):
    settings = replace(PRIOR, **change)
    with pytest.raises(InputError, match=why):
        take_first_stage(untrained(LABELS, settings), model_of(PRIOR), {}, [], settings)


@pytest.mark.parametrize(
    "prior", [None, np.zeros((1, 2, 3), np.uint8), np.full(CASES[0].label.shape, 18, np.uint8)]
)
def test_priors_that_do_not_fit_the_cases_are_refused(prior):
    priors = {} if prior is None else {CASES[0].id: prior}
    with pytest.raises(InputError, match="no usable prior"):
        take_first_stage(untrained(LABELS, PRIOR), model_of(PRIOR), priors, CASES[:1], PRIOR)


def test_other_patients_and_other_labels_are_refused():
    model = model_of(PRIOR)
    require_same_data(model, frozenset({"a"}), LABELS)
    for patients in (frozenset(), frozenset({"a", "b"})):
        with pytest.raises(InputError, match="other patients"):
            require_same_data(model, patients, LABELS)
    with pytest.raises(InputError, match="other patients"):
        require_same_data(replace(model, cohort_known=False), frozenset({"a"}), LABELS)
    with pytest.raises(InputError, match="other labels"):
        require_same_data(model, frozenset({"a"}), LABELS[:-1])


@pytest.mark.parametrize(
    "change", [{"prior_source": "none"}, {}, {"ecg": True, "time": True, "fusion": "segment"}]
)
def test_a_network_begins_with_what_another_learned_from_other_patients(change):
    theirs = model_of(replace(PRIOR, prior_source="none"))
    few = (0, 1, 2, 5)
    ours = untrained(few, replace(PRIOR, **change))
    fresh = {name: value.clone() for name, value in ours.scar.state_dict().items()}
    begin_with(ours, theirs, few, frozenset({"b"}), "abc")
    given, found = theirs.scar.state_dict(), ours.scar.state_dict()
    for name, value in found.items():
        if name.startswith(("ecg.", "segment_fusion.")):
            assert torch.equal(value, fresh[name])
        elif "seg_layers" in name:  # by label, wherever it stands
            assert torch.equal(value, given[name][[LABELS.index(label) for label in few]])
        elif value.shape != given[name].shape:  # the prior's channels are new
            assert torch.equal(value[:, :1], given[name]) and torch.equal(value[:, 1:], fresh[name][:, 1:])
        else:
            assert torch.equal(value, given[name])
    assert ours.pretrained_from["TrainedOn"] == ["a"] and ours.pretrained_from["Iterations"] == 3


def test_a_label_that_the_other_network_does_not_know_is_drawn_anew():
    theirs = model_of(replace(PRIOR, prior_source="none"))
    theirs = replace(theirs, labels=(0, 1, 2, 5, 7))
    ours = untrained(LABELS, replace(PRIOR, prior_source="none"))
    fresh = {name: value.clone() for name, value in ours.scar.state_dict().items()}
    begin_with(ours, theirs, LABELS, frozenset(), "")
    name = next(name for name in fresh if "seg_layers" in name and name.endswith("weight"))
    for row, label in enumerate(LABELS):
        known = label in theirs.labels
        expected = theirs.scar.state_dict()[name][theirs.labels.index(label)] if known else fresh[name][row]
        assert torch.equal(ours.scar.state_dict()[name][row], expected)


def test_nobody_who_is_held_out_was_learned_from_before():
    model, result = model_of(replace(PRIOR, prior_source="none")), untrained(LABELS, PRIOR)
    for one in (model, replace(model, learned_from=frozenset(), watched_on=frozenset({"a"}))):
        with pytest.raises(InputError, match="held out here, a first"):
            begin_with(result, one, LABELS, frozenset({"a"}), "")
    earlier = replace(model, learned_from=frozenset(), pretrained_from={"TrainedOn": ["z"]})
    with pytest.raises(InputError, match="held out here, z first"):
        begin_with(result, earlier, LABELS, frozenset({"z"}), "")
    with pytest.raises(InputError, match="does not say"):
        begin_with(result, replace(model, cohort_known=False), LABELS, frozenset(), "")
    larger = model_of(replace(PRIOR, size=Size(8, 16, (32, 32), 2, 3, 2)))
    with pytest.raises(InputError, match="another size"):
        begin_with(result, larger, LABELS, frozenset(), "")


def test_a_test_patient_is_known_from_each_side_of_a_training_and_from_what_it_began_with():
    model = replace(
        model_of(PRIOR), watched_on=frozenset({"b"}), pretrained_from={"TrainedOn": ["c"], "Patients": 1}
    )
    require_unseen(["d"], [model])
    for one in "abc":
        with pytest.raises(InputError, match=f"1 patients of the split test .*, {one} first"):
            require_unseen(["d", one], [model])
