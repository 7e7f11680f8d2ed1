"""The electrical population: how hearts conduct, recover and lie when their ECG is taken, and which have a block.

Means and spreads come from the sources named at each. Where none is named they were moved, within what anatomy allows:
first until beats without scar measured like the 525 normal ECGs of the PTB-XL sample, then by hand, those of scarred hearts
(`border`, `remote_*`, `uneven_*`, `surviving`) among them, until the rows of `simulate validate` lay nearer to patients, on the
seeds 101, 201, 301, 401, 403 and 701 to 706. Report validate on other seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scartools.simulation.activation import SITES, Conduction, Site, Unevenness
from scartools.simulation.leads import Membrane
from scartools.simulation.population import Spread

SURVIVORS_MM = 30.0  # from one patch of living muscle within a scar to the next
BLOCKS = ("LBBB", "RBBB", "LAFB", "paced")


@dataclass(frozen=True)
class Physiology:
    """What the hearts of a cohort have in common. Degrees, millimetres, milliseconds, mm/ms and fractions."""

    # conduction; speeds after Durrer 1970 and Kleber & Rudy, Physiol Rev 2004;84:431
    along: Spread = Spread(0.68, 0.04, 0.45, 0.75)
    across: Spread = Spread(0.215, 0.02, 0.16, 0.30)
    endocardium: Spread = Spread(1.70, 0.15, 1.15, 2.2)
    # the RV has a Purkinje network too: faster than along the fibres; chosen so that the QRS without scar has the median of
    # the normal ECGs, 94 ms, and qrs_ms_high is in range
    right_wall: Spread = Spread(0.92, 0.07, 0.65, 1.25)
    border: Spread = Spread(
        0.65, 0.12, 0.35, 0.9
    )  # speed in the border zone of a scar, over that of healthy muscle
    reach_level: Spread = Spread(1.14, 0.1, 0.9, 1.4)
    sites: tuple[Site, ...] = SITES
    site_angle_sd: float = 5.0
    site_level_sd: float = 0.03
    site_delay_sd: float = 1.90
    uneven_speed: Spread = Spread(0.08, 0.03, 0.0, 0.2)  # SD of the logarithm of the speed over a heart
    # action potentials
    # SD 18: QTc must vary as in healthy people, or it tells scar (auc_scar)
    duration: Spread = Spread(285.0, 18.0, 240.0, 330.0)
    epicardium: Spread = Spread(-27.7, 8.0, -55.0, -8.0)
    apex: Spread = Spread(6.3, 8.0, -20.0, 35.0)  # longer at the base than at the apex by this
    late: Spread = Spread(-0.43, 0.12, -0.95, -0.15)
    uneven_duration: Spread = Spread(8.0, 2.5, 0.0, 14.0)  # SD of the duration over a heart
    border_duration: Spread = Spread(10.0, 15.0, -25.0, 45.0)  # longer in the border zone by this
    # what scar does to the rest of the heart, per 10 % of the LV, and as much as 5 % at least: slower conduction, longer
    # action potentials, less of a gradient through the wall (Pinto & Boyden, Cardiovasc Res 1999;42:284)
    # (remote_duration, remote_gradient: chosen so that auc_scar is in range; QTc and QRS-T angle alone gave 0.91 before)
    remote_speed: Spread = Spread(0.01, 0.015, 0.0, 0.12)
    remote_duration: Spread = Spread(7.0, 6.0, -6.0, 30.0)
    remote_gradient: Spread = Spread(0.18, 0.12, 0.0, 0.7)
    remote_unevenness: Spread = Spread(8.0, 3.0, 0.0, 16.0)  # ms more of the SD of the duration over the heart
    # scar damages the Purkinje network beyond its borders (Friedman et al., Circ Res 1973;33:597): per 10 % of the LV, the SD
    # of the angle of an early site of the LV or septum, of its level, and of how much later it fires; chosen so that q_territory
    # and auc_segments come down without more Q waves in hearts with no or little scar (seeds 701 to 706)
    remote_site_deg: float = 20.0
    remote_site_level: float = 0.12
    remote_site_delay: float = 1.5
    # muscle that lives within what the image shows as scar (de Bakker et al., Circulation 1993;88:915); chosen so that
    # auc_segments and q_transmural are in range (seeds 701 to 706)
    surviving: Spread = Spread(0.27, 0.20, 0.0, 0.8)  # share of the muscle of a scar that lives
    uneven_surviving: float = 0.30  # SD of that share within a scar
    # the chest
    log_gain_sd: float = 0.15
    limb_gain: Spread = Spread(2.15, 0.25, 1.3, 2.8)
    # how the heart lies when the ECG is taken, in the axes of the body: another posture, another breath than the MRI
    pitch_deg: Spread = Spread(
        3.7, 6.5, -25.0, 25.0
    )  # about the axis from right to left; positive lifts the apex
    roll_deg: Spread = Spread(0.0, 10.0, -30.0, 30.0)  # about the axis from back to front
    yaw_deg: Spread = Spread(-8.0, 5.5, -25.0, 25.0)  # about the axis from foot to head
    shift_mm: float = 5.0
    # mostly the chest electrodes are too high or too low together (Wenger & Kligfield, J Electrocardiol 1996;29:179); SDs chosen
    # so that r_progression is in range
    electrode_scatter_mm: float = 4.0
    electrode_shift_mm: float = 8.0  # that the chest electrodes have in common, up or down
    # blocks, fractions of the subjects
    lbbb_fraction: float = 0.025
    rbbb_fraction: float = 0.035
    lafb_fraction: float = 0.035
    paced_fraction: float = 0.015
    # rhythm
    fibrillation_fraction: float = 0.04
    ectopic_fraction: float = 0.10  # hearts with ventricular ectopic beats in some of their recordings


def draw_variant(rng: np.random.Generator, physiology: Physiology) -> str:
    """Draw how the impulse reaches the ventricles: "none" of the blocks, or one of BLOCKS."""
    fractions = (
        physiology.lbbb_fraction, physiology.rbbb_fraction, physiology.lafb_fraction, physiology.paced_fraction,
    )  # fmt: skip
    place = int(np.searchsorted(np.cumsum(fractions), rng.random(), side="right"))
    return BLOCKS[place] if place < len(BLOCKS) else "none"


def draw_conduction(rng: np.random.Generator, physiology: Physiology) -> Conduction:
    """Draw the speeds and early sites of a heart with healthy bundles."""
    sites = tuple(
        replace(
            site,
            aha_deg=site.aha_deg + float(rng.normal(0.0, physiology.site_angle_sd)),
            level=site.level + float(rng.normal(0.0, physiology.site_level_sd)),
            delay_ms=max(site.delay_ms + float(rng.normal(0.0, physiology.site_delay_sd)), 0.0),
        )
        for site in physiology.sites
    )
    first = min(site.delay_ms for site in sites)
    return Conduction(
        along=physiology.along.draw(rng),
        across=physiology.across.draw(rng),
        endocardium=physiology.endocardium.draw(rng),
        right_wall=physiology.right_wall.draw(rng),
        border=physiology.border.draw(rng),
        reach_level=physiology.reach_level.draw(rng),
        sites=tuple(replace(site, delay_ms=site.delay_ms - first) for site in sites),
        uneven=Unevenness(physiology.uneven_speed.draw(rng), seed=int(rng.integers(2**31))),
    )


def with_block(conduction: Conduction, block: str, rng: np.random.Generator) -> Conduction:
    """Block a bundle of a healthy heart, or pace it.

    block  "none" or one of BLOCKS
    LBBB: the left sites are lost, the wave comes through the septum and the left Purkinje network carries it slower.
    RBBB: the right sites are lost. LAFB: the anterior site of the left ventricle fires late, from its neighbours.
    paced: one site, at the apex of the right ventricle; no Purkinje network in reach.
    """
    left = tuple(site for site in conduction.sites if site.wall == "left")
    right = tuple(site for site in conduction.sites if site.wall != "left")
    slower = float(rng.uniform(0.42, 0.6))
    if block == "LBBB":
        first = min(site.delay_ms for site in right)
        sites = tuple(replace(site, delay_ms=site.delay_ms - first) for site in right)
        return replace(conduction, sites=sites, endocardium=slower * conduction.endocardium)
    if block == "RBBB":
        return replace(conduction, sites=left, right_wall=0.7 * conduction.right_wall)
    if block == "LAFB":
        late = float(rng.uniform(25.0, 40.0))
        sites = tuple(
            replace(site, delay_ms=site.delay_ms + late) if site.name.startswith("anterior") else site
            for site in conduction.sites
        )
        return replace(conduction, sites=sites)
    if block == "paced":
        site = Site("right apex", "right-septum", 80.0 + float(rng.normal(0.0, 10.0)), 0.3, 0.0)
        # the lead is moved until it paces: a scar there sends it to the next living muscle
        return replace(conduction, sites=(site,), endocardium=0.6 * conduction.endocardium, site_reach_mm=60.0)
    return conduction


def draw_ectopic(rng: np.random.Generator, conduction: Conduction) -> Conduction:
    """Draw where an ectopic beat of the ventricles begins: one site, the Purkinje network entered late and slowly."""
    wall = ("left", "right-septum", "right-free")[int(rng.choice(3, p=(0.4, 0.25, 0.35)))]
    angle = float(rng.uniform(0.0, 360.0)) if wall == "left" else float(rng.normal(85.0, 20.0))
    site = Site("ectopic", wall, angle, float(rng.uniform(0.35, 0.9)), 0.0)
    return replace(conduction, sites=(site,), endocardium=0.65 * conduction.endocardium, site_reach_mm=60.0)


def draw_membrane(rng: np.random.Generator, physiology: Physiology, heart_rate: float) -> Membrane:
    """Draw the action potentials of a heart at a rate in beats a minute (Fridericia's rule for the duration)."""
    return replace(
        Membrane(),
        duration=(66.0 / heart_rate) ** 0.33 * physiology.duration.draw(rng),
        epicardium=physiology.epicardium.draw(rng),
        base=physiology.apex.draw(rng),
        late=physiology.late.draw(rng),
        border=physiology.border_duration.draw(rng),
        uneven=Unevenness(physiology.uneven_duration.draw(rng), seed=int(rng.integers(2**31))),
        gain=float(np.exp(np.clip(rng.normal(0.0, physiology.log_gain_sd), -0.5, 0.5))),
        limb_gain=physiology.limb_gain.draw(rng),
    )


def _displaced(
    rng: np.random.Generator, physiology: Physiology, sites: tuple[Site, ...], scar_percent: float
) -> tuple[Site, ...]:
    """Move the early sites of the LV and the septum by what a scar, in % of the LV, does to the Purkinje network."""
    damage = np.random.default_rng(int(rng.integers(2**31)))  # one draw of rng, whatever the sites
    tens = min(scar_percent, 25.0) / 10.0
    moved = []
    for site in sites:
        angle, level, delay = (float(tens * value) for value in damage.normal(size=3))
        moved.append(
            site
            if site.wall == "right-free"
            else replace(
                site,
                aha_deg=site.aha_deg + angle * physiology.remote_site_deg,
                level=float(np.clip(site.level + level * physiology.remote_site_level, 0.1, 1.0)),
                delay_ms=site.delay_ms + abs(delay) * physiology.remote_site_delay,
            )
        )
    first = min(site.delay_ms for site in moved)
    return tuple(replace(site, delay_ms=site.delay_ms - first) for site in moved)


def remodelled(
    rng: np.random.Generator,
    physiology: Physiology,
    conduction: Conduction,
    membrane: Membrane,
    scar_percent: float,
) -> tuple[Conduction, Membrane]:
    """What a scar, in % of the LV, has made of the muscle that survived."""
    tens = 0.5 + min(scar_percent, 25.0) / 10.0 if scar_percent > 0 else 0.0
    slower, longer, flatter, rougher = (
        spread.draw(rng)
        for spread in (
            physiology.remote_speed,
            physiology.remote_duration,
            physiology.remote_gradient,
            physiology.remote_unevenness,
        )
    )
    kept = max(1.0 - flatter * tens, 0.1)
    sites = _displaced(rng, physiology, conduction.sites, scar_percent)
    return (
        replace(conduction, remote=1.0 - slower * tens, sites=sites),
        replace(
            membrane,
            duration=membrane.duration + longer * tens,
            epicardium=kept * membrane.epicardium,
            late=kept * membrane.late,
            uneven=replace(membrane.uneven, sd=membrane.uneven.sd + rougher * tens),
        ),
    )


def draw_survivors(rng: np.random.Generator, physiology: Physiology) -> tuple[float, Unevenness]:
    """Draw what of the muscle of a heart's scars lives: the share on average, and how it differs from place to place."""
    share = physiology.surviving.draw(rng)
    return share, Unevenness(physiology.uneven_surviving, SURVIVORS_MM, int(rng.integers(2**31)))


def draw_turn(rng: np.random.Generator, physiology: Physiology) -> tuple[np.ndarray, np.ndarray]:
    """Draw how the heart lies when the ECG is taken: rotation (3, 3) and shift (3,) in mm, both of RAS+ vectors."""
    pitch, roll, yaw = (
        np.radians(angle.draw(rng)) for angle in (physiology.pitch_deg, physiology.roll_deg, physiology.yaw_deg)
    )
    about_right = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_front = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
    about_head = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    return about_head @ about_front @ about_right, rng.normal(0.0, physiology.shift_mm, 3)
