"""DICOM: groups told apart, and every number of a channel honoured."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from scartools.errors import InputError
from scartools.files.record import read_record
from tests.unit.files import records_made as made

SIGNALS = made.ecg()


def read(folder, **how):
    path = folder / "a"
    path.write_bytes(made.dicom(SIGNALS, 500.0, **how))
    return read_record(path)


def channels(dataset):
    return dataset.WaveformSequence[0].ChannelDefinitionSequence


def test_the_scale_of_each_channel_is_its_own(tmp_path):
    def change(dataset):
        for k, channel in enumerate(channels(dataset)):
            channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = str(0.5 + k), "2"
            channel.ChannelBaseline = str(10 * k)
            if k == 4:
                channel.ChannelSensitivityUnitsSequence[0].CodeValue = "mV"
                channel.ChannelSensitivity = "0.002"

    path = tmp_path / "a"
    path.write_bytes(made.dicom(SIGNALS, 500.0, change=change))
    dataset = pydicom.dcmread(io.BytesIO(path.read_bytes()))
    expected = dataset.waveform_array(0).T / 1000
    expected[4] *= 1000
    np.testing.assert_allclose(read_record(path).signals, expected, atol=1e-12)


def test_the_padding_value_is_an_absent_sample(tmp_path):
    def change(dataset):
        group = dataset.WaveformSequence[0]
        digits = np.frombuffer(group.WaveformData, "<i2").reshape(-1, 12).copy()
        digits[50:60, 7] = -32768
        group.WaveformData, group.WaveformPaddingValue = digits.tobytes(), b"\x00\x80"

    found = read(tmp_path, change=change).signals
    assert np.isnan(found[7, 50:60]).all() and np.isfinite(found).sum() == found.size - 10


@pytest.mark.parametrize(("bits", "kind", "stored"), [(32, "SL", "<i4"), (16, "US", "<u2"), (8, "SB", "i1")])
def test_other_widths_of_samples(tmp_path, bits, kind, stored):
    numbers = np.random.default_rng(0).integers(0, 100, (2000, 12)).astype(stored)

    def change(dataset):
        group = dataset.WaveformSequence[0]
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = bits, kind
        group.WaveformData = numbers.tobytes()

    np.testing.assert_allclose(read(tmp_path, change=change).signals, numbers.T * 0.00125, atol=1e-12)


def test_big_endian_objects(tmp_path):
    def change(dataset):
        group = dataset.WaveformSequence[0]
        group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()

    found = read(tmp_path, change=change, syntax=pydicom.uid.ExplicitVRBigEndian)
    np.testing.assert_allclose(found.signals, SIGNALS, atol=0.0007)


def test_deflated_objects_are_refused_before_they_unfold(tmp_path):
    with pytest.raises(InputError, match="deflated"):
        read(tmp_path, syntax=pydicom.uid.DeflatedExplicitVRLittleEndian)


def test_a_group_without_a_label_is_the_rhythm_where_it_is_the_only_original(tmp_path):
    def unlabelled(dataset):
        del dataset.WaveformSequence[0].MultiplexGroupLabel

    found = read(tmp_path, beat=SIGNALS[:, :600], change=unlabelled)
    assert found.signals.shape[1] == 2000 and found.device_beat.signals.shape[1] == 600

    def two_unlabelled(dataset):
        del dataset.WaveformSequence[0].MultiplexGroupLabel
        del dataset.WaveformSequence[1].MultiplexGroupLabel
        dataset.WaveformSequence[1].WaveformOriginality = "ORIGINAL"

    with pytest.raises(InputError, match="2 groups that may be the rhythm"):
        read(tmp_path, beat=SIGNALS[:, :600], change=two_unlabelled)


@pytest.mark.parametrize("trigger", [0, 601, 70000])
def test_a_trigger_outside_the_beat_is_none(tmp_path, trigger):
    def change(dataset):
        dataset.WaveformSequence[1].TriggerSamplePosition = trigger

    assert read(tmp_path, beat=SIGNALS[:, :600], change=change).device_beat.r_sample is None


def test_minus_avr_is_turned_and_said(tmp_path):
    def change(dataset):
        source = channels(dataset)[3].ChannelSourceSequence[0]
        source.CodeValue, source.CodeMeaning = "5.6.3-9-65", "Lead -aVR"

    found = read(tmp_path, change=change)
    np.testing.assert_allclose(found.signals[3], -SIGNALS[3], atol=0.0007)
    assert found.facts["AVRTurned"] is True and found.facts["LimbLeadsDisagree"].keys() == {"aVR"}


def test_the_name_in_words_counts_where_the_code_is_unknown(tmp_path):
    def change(dataset):
        for channel in channels(dataset):
            channel.ChannelSourceSequence[0].CodeValue = "PRIVATE"

    np.testing.assert_allclose(read(tmp_path, change=change).signals, SIGNALS, atol=0.0007)


def test_filters_are_facts_where_all_leads_have_the_same(tmp_path):
    assert read(tmp_path).facts["Filters"] == {"HighPass": 0.05, "LowPass": 150.0}

    def change(dataset):
        channels(dataset)[5].FilterHighFrequency = "40"

    assert "Filters" not in read(tmp_path, change=change).facts
