"""From tissues to an LGE image: inversion recovery, coil shading, texture, blur, ghosts, noise; magnitude or PSIR."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, shift

from scartools.simulation.subject import Artefacts, Contrast
from scartools.simulation.tissue import Tissue

# Proton density relative to blood, and T1 in ms after gadolinium at 1.5 T where it does not vary by subject.
_FIXED_T1 = {
    Tissue.SURROUNDINGS: (0.0, 1000.0),
    Tissue.HEART_FAT: (0.95, 265.0),
    Tissue.MUSCLE: (0.85, 470.0),
    Tissue.LUNG: (0.22, 560.0),
    Tissue.LIVER: (0.85, 375.0),
    Tissue.SPLEEN: (0.95, 330.0),
    Tissue.STOMACH_GAS: (0.03, 1000.0),
    Tissue.STOMACH_FLUID: (0.8, 900.0),
    Tissue.MARROW: (0.7, 330.0),
    Tissue.FAT: (1.0, 260.0),
    Tissue.AIR: (0.0, 1000.0),
}
# Variation within a tissue, SD as a fraction of the blood signal.
_TEXTURE = {
    Tissue.LV_POOL: 0.08,
    Tissue.HEALTHY: 0.11,
    Tissue.SCAR: 0.16,
    Tissue.NO_REFLOW: 0.08,
    Tissue.RV_POOL: 0.10,
    Tissue.RV_WALL: 0.12,
    Tissue.PAPILLARY: 0.10,
    Tissue.RV_TRABECULA: 0.10,
    Tissue.SLOW_BLOOD: 0.12,
    Tissue.HEART_FAT: 0.30,
    Tissue.OTHER_BLOOD: 0.12,
    Tissue.MUSCLE: 0.14,
    Tissue.LUNG: 0.07,
    Tissue.LIVER: 0.12,
    Tissue.SPLEEN: 0.10,
    Tissue.STOMACH_GAS: 0.03,
    Tissue.STOMACH_FLUID: 0.25,
    Tissue.MARROW: 0.20,
    Tissue.FAT: 0.25,
}


def inversion_recovery(
    t1_ms: np.ndarray, inversion_time_ms: float, interval_ms: float, density: np.ndarray
) -> np.ndarray:
    """Signed signal of an inversion-recovery sequence, relative to full magnetisation.

    t1_ms, density  float (N,); inversion_time_ms, interval_ms  float; the interval is that between inversions.
    Returns float (N,): density * (1 - 2 exp(-TI/T1) + exp(-TR/T1)).
    Kellman & Arai, J Magn Reson Imaging 2012;36:529, doi:10.1002/jmri.23605.
    """
    return density * (1.0 - 2.0 * np.exp(-inversion_time_ms / t1_ms) + np.exp(-interval_ms / t1_ms))


def tissue_signals(contrast: Contrast, slow_flow_gain: float = 1.0) -> np.ndarray:
    """Signed signal per tissue code, float32 (tissues,), blood = 1; slow blood has `slow_flow_gain`."""
    by_subject = {
        Tissue.LV_POOL: (1.0, contrast.t1_blood_ms),
        Tissue.RV_POOL: (1.0, contrast.t1_blood_ms),
        Tissue.OTHER_BLOOD: (1.0, contrast.t1_blood_ms),
        Tissue.SLOW_BLOOD: (slow_flow_gain, contrast.t1_blood_ms),
        Tissue.HEALTHY: (0.9, contrast.t1_healthy_ms),
        Tissue.RV_WALL: (0.9, contrast.t1_healthy_ms),
        Tissue.PAPILLARY: (0.9, contrast.t1_healthy_ms),
        Tissue.RV_TRABECULA: (0.9, contrast.t1_healthy_ms),
        Tissue.SCAR: (0.95, contrast.t1_scar_ms),
        Tissue.NO_REFLOW: (0.9, contrast.t1_no_reflow_ms),
    }
    pairs = [(by_subject | _FIXED_T1)[tissue] for tissue in Tissue]
    density, t1 = np.array(pairs, dtype=np.float64).T
    signals = inversion_recovery(t1, contrast.inversion_time_ms, contrast.inversion_interval_ms, density)
    return (signals / signals[Tissue.LV_POOL]).astype(np.float32)


def tissue_texture() -> np.ndarray:
    """SD of the variation within each tissue, float32 (tissues,), blood signal = 1."""
    return np.array([_TEXTURE.get(tissue, 0.0) for tissue in Tissue], dtype=np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    """Gaussian noise of unit variance, smoothed in the plane of each slice."""
    field = rng.standard_normal(shape, dtype=np.float32)
    if sigma <= 0:
        return field
    field = gaussian_filter(field, (sigma, sigma, 0.0), mode="wrap", truncate=3.0)
    return field / field.std()


def coil_shading(anterior_mm: np.ndarray, decay_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Sensitivity of a chest coil, float32, 1 at the heart: falls off towards the back, plus a random tilt.

    anterior_mm  float (X, Y, Z): how far each voxel lies in front of the middle of the LV
    """
    nx, ny, nz = anterior_mm.shape
    along_first, along_second = rng.normal(0.0, 0.07), rng.normal(0.0, 0.07)
    ramps = along_first * np.linspace(-1, 1, nx)[:, None, None] + along_second * np.linspace(-1, 1, ny)[:, None]
    # Heart rate and breathing change each slice a little.
    gains = np.ones((1, 1, nz)) + 0.02 * rng.standard_normal((1, 1, nz))
    return (np.exp(anterior_mm / decay_mm) * (1.0 + ramps) * gains).astype(np.float32)


def mixed_in_wall(values: np.ndarray, tissue: np.ndarray, fibrosis: np.ndarray) -> np.ndarray:
    """Values of tissues at points, mixed in the LV wall between healthy and scar by the share of fibrosis.

    values  float32 (tissues,); tissue uint8 (N,); fibrosis float32 (N,), 0 to 1
    """
    found = values[tissue]
    wall = (tissue == Tissue.HEALTHY) | (tissue == Tissue.SCAR)
    found[wall] = values[Tissue.HEALTHY] + fibrosis[wall] * (values[Tissue.SCAR] - values[Tissue.HEALTHY])
    return found


def _in_two_positions(signal: np.ndarray, artefacts: Artefacts) -> np.ndarray:
    """The slices that were taken while the heart moved, as the mean of two positions; labels are of the first."""
    for k, steps in enumerate(artefacts.moved_pixels):
        if any(steps):
            other = shift(signal[:, :, k], steps, order=1, mode="nearest", prefilter=False)
            signal[:, :, k] = 0.6 * signal[:, :, k] + 0.4 * other
    return signal


def _ghosts(signal: np.ndarray, artefacts: Artefacts, rng: np.random.Generator) -> np.ndarray:
    """Ghosts of a slice along its phase direction, complex64 (X, Y, Z): to both sides, with a phase of their own."""
    strengths = np.array(artefacts.ghosts, dtype=np.float32)
    phases = rng.uniform(0.0, 2.0 * np.pi, (2, strengths.size))
    ghosts = np.zeros(signal.shape, dtype=np.complex64)
    for phase, pixels in zip(phases, (artefacts.ghost_pixels, -artefacts.ghost_pixels), strict=True):
        weight = (strengths * np.exp(1j * phase)).astype(np.complex64)
        ghosts += weight * np.roll(signal, pixels, axis=artefacts.phase_axis)
    return ghosts


def render(
    signal: np.ndarray,
    texture: np.ndarray,
    lung: np.ndarray,
    shading: np.ndarray,
    contrast: Contrast,
    rng: np.random.Generator,
    artefacts: Artefacts | None = None,
) -> np.ndarray:
    """LGE image, float32 (X, Y, Z): magnitude, never negative, or signed where `contrast.psir`.

    signal     float32 (X, Y, Z), signed, averaged over each voxel; blood = 1
    texture    float32 (X, Y, Z), SD of the local variation; blood = 1
    lung       float32 (X, Y, Z), fraction of lung or liver, where small vessels are bright
    shading    float32 (X, Y, Z), coil sensitivity
    artefacts  ghosts and slices in motion; None: none
    The noise is Gaussian in both channels before the magnitude, so the image noise is Rician
    (Gudbjartsson & Patz, Magn Reson Med 1995;34:910, doi:10.1002/mrm.1910340618). A phase-sensitive image is the
    channel in phase with the blood over the coil's sensitivity: its noise has no bias, keeps the sign, and grows away from
    the coil (Kellman et al., Magn Reson Med 2002;47:372, doi:10.1002/mrm.10051).
    """
    coarse, fine = _noise(rng, signal.shape, 3.0), _noise(rng, signal.shape, 1.2)
    vessels = np.clip(fine - 1.5, 0.0, None) * 0.5 * lung
    varied = signal + texture * (0.75 * coarse + 0.65 * fine) + vessels
    blur = (contrast.blur_pixels, contrast.blur_pixels, 0.0)
    blurred = gaussian_filter(varied, blur, mode="nearest", truncate=3.0)
    if artefacts is not None:
        blurred = _in_two_positions(blurred, artefacts)
    blurred *= shading
    sd = 1.0 / contrast.blood_snr
    real = blurred + sd * _noise(rng, signal.shape, 0.8 * contrast.blur_pixels)
    imaginary = sd * _noise(rng, signal.shape, 0.8 * contrast.blur_pixels)
    if artefacts is not None and any(artefacts.ghosts):
        ghosts = _ghosts(blurred, artefacts, rng)
        real, imaginary = real + ghosts.real, imaginary + ghosts.imag
    if contrast.psir:
        return (real / shading * contrast.blood_value).astype(np.float32)
    return (np.hypot(real, imaginary) * contrast.blood_value).astype(np.float32)
