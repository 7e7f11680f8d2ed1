"""NIfTI volumes: images, segmentations and priors, with the geometry they really have.

The world frame is NIfTI's: RAS+, millimetres. Arrays stay in the order of the file; nothing is reoriented.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scartools.errors import GeometryError, InputError, concerning
from scartools.files import atomic, nifti_header
from scartools.files.labels import to_internal
from scartools.files.provenance import Source, source_of

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

SUFFIXES = (".nii.gz", ".nii")
GRID_TOLERANCE_MM = 1e-3
SpacingFrom = Literal["auto", "affine", "pixdim"]


@dataclass(frozen=True)
class Volume:
    """A volume and the grid it lives on.

    array    (X, Y, Z); labels are uint8, images float32
    affine   float64 (4, 4), voxel index to RAS+ mm, with a detected header fault already mended
    header   the NIfTI header as it was in the file, for writing results on the same grid
    source   the file and its hash
    notes    sentences a reader of the numbers should know (header fault, merged labels); already logged
    """

    array: np.ndarray
    affine: np.ndarray
    header: Any
    source: Source
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file this volume was read from."""
        return self.source.path

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel edge lengths, float64 (3,), mm."""
        import numpy as np

        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_volume_ml(self) -> float:
        """The volume of one voxel, millilitres (the determinant, so that sheared grids are right too)."""
        import numpy as np

        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0


def read_labels(path: Path, *, scheme: str = "scartools", spacing_from: SpacingFrom = "auto") -> Volume:
    """Read a segmentation into the internal label scheme.

    scheme        how its numbers are meant, a key of scartools.files.labels.SCHEMES
    spacing_from  which voxel size to believe where affine and pixdim disagree; `auto` mends an affine that
                  carries no size at all, and refuses any other disagreement
    Returns a Volume of uint8 labels.
    Raises InputError or GeometryError, naming the file and the remedy; also for a segmentation of nothing.
    """
    volume = read(path, spacing_from=spacing_from)
    with concerning(path):
        array, notes = to_internal(volume.array, scheme)
    if not array.any():
        raise InputError(
            "is empty: every voxel is background",
            where=path,
            remedy="Give a segmentation of the left ventricle",
        )
    for note in notes:
        log.warning("%s: %s", path, note)
    return Volume(array, volume.affine, volume.header, volume.source, (*volume.notes, *notes))


def read_image(path: Path, *, spacing_from: SpacingFrom = "auto") -> Volume:
    """Read an image as float32; refuses NaN, infinity and a constant image."""
    import numpy as np

    volume = read(path, spacing_from=spacing_from)
    array = volume.array.astype(np.float32)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise InputError(
            f"holds {bad} voxels that are NaN or infinite", where=path, remedy="Export the image again"
        )
    if array.size and array.min() == array.max():
        raise InputError(
            f"is constant (every voxel is {array.flat[0]:g})", where=path, remedy="Export the image again"
        )
    return Volume(array, volume.affine, volume.header, volume.source, volume.notes)


def read_prior(path: Path, *, spacing_from: SpacingFrom = "auto") -> Volume:
    """Read an AHA label map: whole numbers 0-18, uint8; 18 is in the model of 18 segments alone."""
    import numpy as np

    volume = read(path, spacing_from=spacing_from)
    values = volume.array
    whole = values.dtype.kind in "iu" or (np.isfinite(values).all() and not (values != np.rint(values)).any())
    if not whole:
        raise InputError("holds values that are not whole numbers", where=path, remedy="Make it with aha17")
    if values.size and (values.min() < 0 or values.max() > 18):
        raise InputError(
            f"holds values from {values.min():g} to {values.max():g} where AHA segments 0-18 are due",
            where=path,
            remedy="Make it with: scartools aha17",
        )
    if not values.any():
        raise InputError(
            "holds no segment: every voxel is 0", where=path, remedy="Make it with: scartools aha17"
        )
    return Volume(values.astype(np.uint8), volume.affine, volume.header, volume.source, volume.notes)


def read_mask(path: Path, *, spacing_from: SpacingFrom = "auto") -> Volume:
    """Read a mask of zeros and ones, uint8; refuses any other value and an empty one."""
    import numpy as np

    volume = read(path, spacing_from=spacing_from)
    if not np.isin(volume.array, (0, 1)).all():
        raise InputError("holds values other than 0 and 1", where=path, remedy="Give a mask")
    if not volume.array.any():
        raise InputError("is empty: no voxel is 1", where=path, remedy="Give a mask that marks something")
    return Volume(volume.array.astype(np.uint8), volume.affine, volume.header, volume.source, volume.notes)


def require_same_grid(one: Volume, other: Volume) -> None:
    """Refuse two files that do not share a grid: same shape, and corners of the grid within 1e-3 mm."""
    import numpy as np

    if one.array.shape != other.array.shape:
        raise GeometryError(
            f"has shape {one.array.shape} but {other.path} has {other.array.shape}",
            where=one.path,
            remedy="Resample one of them onto the grid of the other",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.array.shape], [1], indexing="ij")).reshape(4, -1)
    apart = np.linalg.norm(((one.affine - other.affine) @ corners)[:3], axis=0).max()
    if apart > GRID_TOLERANCE_MM:
        raise GeometryError(
            f"has its corners up to {apart:.4g} mm from those of {other.path}; affines "
            f"{_in_one_line(one.affine)} and {_in_one_line(other.affine)}",
            where=one.path,
            remedy="Resample one of them onto the grid of the other",
        )


def write_labels(
    output: Path,
    array: np.ndarray,
    *,
    like: Volume,
    facts: dict[str, Any],
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a label map as uint8 on the grid of another volume, with its sidecars.

    array   uint8 (X, Y, Z), the shape of `like`
    like    its affine, codes and units are kept as they were in the file, faults included, so that viewers
            lay both files over each other
    """
    import numpy as np

    _write(output, np.asarray(array, dtype=np.uint8), like.header, facts, sources, force)


def write_image(
    output: Path,
    array: np.ndarray,
    *,
    like: Volume,
    facts: dict[str, Any],
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write an image as float32 on the grid of another volume, with its sidecars."""
    import numpy as np

    _write(output, np.asarray(array, dtype=np.float32), like.header, facts, sources, force)


def save_array(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Save a new volume (no file it is like): affine in sform and qform as scanner coordinates, mm.

    No sidecar and no staging: for use inside `publish_folder`.
    """
    import nibabel

    image = nibabel.Nifti1Image(array, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1, strip_shears=True)
    image.header.set_xyzt_units(xyz="mm")
    nibabel.save(image, path)


def save_like(path: Path, array: np.ndarray, like: Volume) -> None:
    """Write an array on the grid of another volume; no sidecar and no staging: for use inside `publish_folder`."""
    import nibabel

    nibabel.save(_image_like(array, like.header), path)


def _write(
    output: Path, array: np.ndarray, header: Any, facts: dict[str, Any], sources: Sequence[Source], force: bool
) -> None:
    import nibabel

    image = _image_like(array, header)

    def save(path: Path) -> None:
        nibabel.save(image, path)

    atomic.publish(output, save, facts=facts, sources=sources, force=force)


def _image_like(array: np.ndarray, header: Any) -> Any:
    """Return a NIfTI image with the geometry of a header and none of its texts."""
    import nibabel

    kept = header.copy()
    kept.set_data_shape(array.shape)
    kept.set_data_dtype(array.dtype)
    kept.set_slope_inter(1, 0)
    kept["cal_min"] = kept["cal_max"] = 0
    kept.extensions.clear()  # scanners put free text there, names included
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        if field in kept:
            kept[field] = b""
    image_type = nibabel.Nifti2Image if isinstance(kept, nibabel.Nifti2Header) else nibabel.Nifti1Image
    return image_type(array, None, kept)  # no affine: both forms, codes and pixdim stay as in the header


def read(path: Path, *, spacing_from: SpacingFrom = "auto") -> Volume:
    """Read any scalar 3-D NIfTI as it is stored; every way it can be broken ends in an InputError."""
    import nibabel
    import numpy as np
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    with concerning(path):
        header, shape = nifti_header.inspect(path)
        packed = nifti_header.unpacked(path, header)
    source = source_of(path)
    try:
        kind = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
        array = np.asanyarray(kind.from_bytes(packed).dataobj)
    except (
        ImageFileError,
        HeaderDataError,
        WrapStructError,
        OSError,
        EOFError,
        ValueError,
        zlib.error,
    ) as error:
        raise InputError(
            f"cannot be read as NIfTI ({error})",
            where=path,
            remedy="The file is truncated or damaged: copy or export it again",
        ) from error
    array = array.reshape(shape)
    with concerning(path):
        affine, notes = nifti_header.geometry(header, spacing_from)
    if len(header.get_data_shape()) > 3:
        notes = (*notes, f"the {len(header.get_data_shape())}-D file with one volume was read as 3-D")
    for note in notes:
        log.warning("%s: %s", path, note)
    return Volume(array, affine, header, source, notes)


def _in_one_line(affine: np.ndarray) -> str:
    return "[" + "; ".join(" ".join(f"{value:.5g}" for value in row) for row in affine[:3]) + "]"
