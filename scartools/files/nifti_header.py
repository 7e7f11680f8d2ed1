"""What a NIfTI header claims, checked before a byte of image data is read.

The two known traps: a file that claims or unpacks to more than any heart needs, and the EMIDEC header,
whose affine says 1 mm while pixdim holds the true voxel size.
"""

from __future__ import annotations

import gzip
import io
import logging
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import GeometryError, InputError

if TYPE_CHECKING:
    import numpy as np

MAX_VOXELS = 1 << 28  # 268 million: a 512 x 512 x 1024 volume
MAX_EXTENSION_BYTES = 16 << 20
_NIFTI_1, _NIFTI_2 = 348, 540  # header sizes in bytes
SMALLEST_MM, LARGEST_MM = 0.05, 60.0  # edge of a voxel of a heart; beyond, a header speaks of another unit
_SPACE_UNITS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}
_FORMS_APART_MM = 1.0  # single precision and a sheared sform stay below
_SPACING_TOLERANCE = 1e-3  # relative; NIfTI stores single precision


def inspect(path: Path) -> tuple[Any, tuple[int, int, int]]:
    """Return the header of a NIfTI file and the 3-D shape of its data, reading nothing else.

    Trailing axes of length one are dropped from the shape.
    Raises InputError when it is no NIfTI, is not 3-D, is not a scalar volume, or claims too much.
    """
    import nibabel

    nibabel.imageglobals.logger.setLevel(
        logging.CRITICAL + 1
    )  # its remarks on a header are made here, in our words
    block = _first_bytes(path, _NIFTI_2)
    size = {int.from_bytes(block[:4], order) for order in ("little", "big")}
    if _NIFTI_1 in size:
        kind, length = nibabel.Nifti1Header, _NIFTI_1
    elif _NIFTI_2 in size:
        kind, length = nibabel.Nifti2Header, _NIFTI_2
    else:
        raise InputError("is not a NIfTI file", remedy="Convert it to .nii.gz, for instance with dcm2niix")
    if len(block) < length:
        raise InputError(f"ends after {len(block)} bytes, inside its header", remedy="Copy or export it again")
    try:
        header = kind.from_fileobj(io.BytesIO(block), check=False)
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype = header.get_data_dtype()
    except Exception as error:
        raise InputError(f"has a damaged header ({error})", remedy="Copy or export it again") from error
    return header, _require_scalar_3d(shape, dtype, header)


def geometry(header: Any, spacing_from: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the affine to believe, float64 (4, 4), and sentences on what was mended or doubtful.

    spacing_from  `auto`: where the affine carries no voxel size at all (columns of length one) and pixdim does,
                  the columns are scaled by pixdim and both numbers reported; other disagreements are refused.
                  `affine` and `pixdim` decide it by hand.
    """
    import numpy as np

    _require_millimetres(header)
    affine, notes = _believed_affine(header, spacing_from)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() < SMALLEST_MM or spacing.max() > LARGEST_MM:
        raise GeometryError(
            f"has voxels of {_mm(spacing)} mm, where {SMALLEST_MM:g} to {LARGEST_MM:g} mm are those of a heart",
            remedy="Mend the header",
        )
    return affine, notes


def _require_millimetres(header: Any) -> None:
    unit = _SPACE_UNITS.get(int(header["xyzt_units"]) & 7, "another unit")
    if unit not in ("mm", "unknown"):
        raise GeometryError(
            f"states its lengths in {unit}, where mm are due", remedy="Convert the header to mm (xyzt_units 2)"
        )


def _believed_affine(header: Any, spacing_from: str) -> tuple[np.ndarray, tuple[str, ...]]:
    import numpy as np

    affine = _finite_affine(header)
    from_affine = np.linalg.norm(affine[:3, :3], axis=0)
    from_pixdim = np.asarray(header["pixdim"][1:4], dtype=float)
    notes: list[str] = []
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        notes.append("has no orientation (sform and qform codes are 0): its axes are taken as stored")
    if _agree(from_affine, from_pixdim):
        return affine, (*notes, *_form_notes(header))
    both = f"affine says {_mm(from_affine)} mm, pixdim says {_mm(from_pixdim)} mm"
    if spacing_from == "affine":
        return affine, (*notes, f"{both}: the affine is believed, as asked")
    pixdim_usable = bool(np.isfinite(from_pixdim).all() and (from_pixdim > 0).all())
    without_size = _agree(from_affine, np.ones(3))
    if not pixdim_usable or (spacing_from == "auto" and not without_size):
        raise GeometryError(
            f"the voxel size is in doubt: {both}",
            remedy="Find out which is true and say --spacing-from affine or --spacing-from pixdim",
        )
    mended = affine.copy()
    mended[:3, :3] *= from_pixdim / from_affine
    ratio = float(np.prod(from_pixdim / from_affine))
    reason = "as asked" if spacing_from == "pixdim" else "since the affine carries no voxel size"
    notes.append(
        f"header fault: {both}; pixdim is believed, {reason} (volumes by the affine would be {ratio:.3g} times smaller)"
    )
    return mended, tuple(notes)


def _first_bytes(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        opener = gzip.open if packed else open
        with opener(path, "rb") as stream:
            blocks, left = [], count
            while left and (block := stream.read(min(left, 1 << 24))):  # read() to the end checks the checksum
                blocks.append(block)
                left -= len(block)
            return b"".join(blocks)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})",
            remedy="Check the path; copy or export the file again",
        ) from error


def _require_scalar_3d(shape: tuple[int, ...], dtype: np.dtype, header: Any) -> tuple[int, int, int]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise InputError(
            f"has shape {shape} where a 3-D volume is due",
            remedy="Extract one volume, for instance with fslroi",
        )
    if min(shape) < 1:
        raise InputError(f"claims the shape {shape}", remedy="Copy or export it again")
    voxels = shape[0] * shape[1] * shape[2]
    if voxels > MAX_VOXELS:
        raise InputError(
            f"claims {shape[0]} x {shape[1]} x {shape[2]} voxels, over the limit of {MAX_VOXELS}",
            remedy="Crop it around the heart",
        )
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(
            f"stores {dtype} where one number a voxel is due", remedy="Convert it to a scalar type"
        )
    offset = float(header["vox_offset"])
    if not 0 <= offset <= MAX_EXTENSION_BYTES:
        raise InputError(f"claims that its data start at byte {offset:g}", remedy="Copy or export it again")
    return shape[0], shape[1], shape[2]


def _finite_affine(header: Any) -> np.ndarray:
    import numpy as np
    from nibabel.spatialimages import HeaderDataError

    try:
        affine = np.asarray(header.get_best_affine(), dtype=float)
    except (HeaderDataError, ValueError) as error:
        raise GeometryError(
            f"has no usable affine ({error})", remedy="Set its sform from the DICOM it came from"
        ) from error
    if not np.isfinite(affine).all():
        raise GeometryError("has NaN or infinity in its affine", remedy="Set its sform from the DICOM")
    scale = np.linalg.norm(affine[:3, :3], axis=0)
    if (scale < 1e-6).any() or abs(np.linalg.det(affine[:3, :3] / scale)) < 1e-3:
        raise GeometryError(
            "has a singular affine: two voxel axes coincide or one has no length",
            remedy="Set its sform from the DICOM",
        )
    return affine


def _form_notes(header: Any) -> tuple[str, ...]:
    """Say so when sform and qform are both set and place a corner of the volume differently; the sform is believed."""
    import numpy as np
    from nibabel.spatialimages import HeaderDataError

    if not (int(header["sform_code"]) and int(header["qform_code"])):
        return ()
    try:
        qform = header.get_qform()
    except (HeaderDataError, ValueError):
        return ("its qform is damaged; the sform is believed",)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in header.get_data_shape()[:3]], [1])).reshape(4, -1)
    apart = float(np.linalg.norm(((header.get_sform() - qform) @ corners)[:3], axis=0).max())
    if np.isfinite(apart) and apart <= _FORMS_APART_MM:
        return ()
    return (f"sform and qform disagree by up to {apart:.3g} mm; the sform is believed",)


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    import numpy as np

    return bool(np.allclose(one, other, rtol=_SPACING_TOLERANCE, atol=0))


def _mm(spacing: np.ndarray) -> str:
    return " x ".join(f"{value:.5g}" for value in spacing)


def unpacked(path: Path, header: Any) -> bytes:
    """Return the bytes of a NIfTI file, unpacked to the end, so that a damaged gzip stream is noticed by its checksum.

    Raises InputError where it holds less than its header claims, or far more.
    """
    import math

    voxels = math.prod(int(n) for n in header.get_data_shape())
    due = int(float(header["vox_offset"])) + voxels * header.get_data_dtype().itemsize
    data = _first_bytes(path, due + MAX_EXTENSION_BYTES + 1)
    if len(data) < due:
        raise InputError(
            f"holds {len(data)} bytes where its header claims {due}", remedy="It is truncated: copy it again"
        )
    if len(data) > due + MAX_EXTENSION_BYTES:
        raise InputError("unpacks to far more than its header claims", remedy="Copy or export it again")
    return data
