"""A recording from beginning to end: its beat, how far that can be trusted, its fiducials and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.ecg import quality
from scartools.ecg.beat import Beat, median_beat
from scartools.ecg.delineate import Fiducials, delineate
from scartools.ecg.device_beat import take_device_beat
from scartools.ecg.finding import Finding
from scartools.ecg.measure import Measurements, measure
from scartools.errors import InputError


@dataclass(frozen=True)
class DeviceMedian:
    """The beat that a device stored: float (12, T), mV, its rate in Hz, and where it came from, in words."""

    signals: np.ndarray
    rate: float
    source: str


@dataclass(frozen=True)
class MeasuredBeat:
    """A beat with all that is said of it.

    beat          float64 (12, 600), mV, 500 Hz, R at sample 200
    findings      the quality of recording and beat
    agreement     with the device's own median, where there is one that can be compared
    source        own, or in words the device's median that was taken
    doubts        further warnings, sentences
    """

    beat: Beat
    fiducials: Fiducials
    measurements: Measurements
    findings: tuple[Finding, ...]
    agreement: quality.Agreement | None
    source: str
    doubts: tuple[str, ...]

    @property
    def warnings(self) -> list[str]:
        """What a reader of the beat should know, in sentences."""
        flags = flagged(self.findings)
        return [*self.beat.facts["Warnings"], *self.doubts, *([f"quality: {flags}"] if flags else [])]

    def facts(self) -> dict[str, Any]:
        """Return what a sidecar says of the beat."""
        return {
            **self.beat.facts,
            "Source": self.source,
            "DeviceBeat": None if self.agreement is None else quality.agreement_facts(self.agreement),
            "Fiducials": {**self.fiducials.milliseconds(), "Units": "ms from R"},
            "Measurements": self.measurements.facts(),
            "Findings": [quality.finding_facts(one) for one in self.findings],
            "Warnings": self.warnings,
        }


def flagged(findings: tuple[Finding, ...]) -> str:
    """Return the names of the findings that are flagged, each with its leads: hum_50 V1 V2, limb_ra_la."""
    leads: dict[str, list[str]] = {}
    for one in findings:
        if one.flagged:
            leads.setdefault(one.name, []).extend([one.lead] if one.lead else [])
    return ", ".join(" ".join([name, *of]) for name, of in leads.items())


def measured_beat(
    signals: np.ndarray,
    rate: float,
    *,
    high_pass_hz: float | None = None,
    device: DeviceMedian | None = None,
    prefer_device: bool = False,
) -> MeasuredBeat:
    """Make the beat of a recording, ask it everything, and measure it.

    signals, rate, high_pass_hz  as `median_beat` takes them
    device         the median that the device stored; it is compared, and with prefer_device taken in the place of ours
    Raises InputError where no beat can be made. A device's median that cannot be compared is left aside, with a doubt.
    """
    made = median_beat(signals, rate, high_pass_hz=high_pass_hz)
    agreement, doubts = None, []
    if device is not None:
        try:
            agreement = quality.compare_with_device(made, device.signals, device.rate)
        except InputError as error:
            doubts.append(f"the device's own median is left aside: {error.problem}")
    findings = quality.assess(signals, rate, made, agreement)
    source = "own"
    if device is not None and agreement is not None and prefer_device:
        made, source = take_device_beat(made, device.signals, device.rate), device.source
    rr_s = 60 / made.facts["HeartRate"]
    fiducials = delineate(made.signals, rr_s, made.facts["RRSD"])
    measurements = measure(made.signals, fiducials, rr_s)
    return MeasuredBeat(made, fiducials, measurements, findings, agreement, source, tuple(doubts))
