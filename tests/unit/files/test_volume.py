"""Volumes: the geometry they really have, and every way a header can lie."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.files import labels, volume

AFFINE = np.array([[-1.4, 0.1, 0.3, 90], [0.2, -1.3, 2.0, -40], [0.1, 0.5, 7.6, 12], [0, 0, 0, 1]])


def save(path, array, affine=AFFINE, codes=(1, 0), pixdim=None):
    image = nibabel.Nifti1Image(array, affine)
    image.set_sform(affine, codes[0])
    image.set_qform(None if codes[1] == 0 else affine, codes[1], strip_shears=True)
    if pixdim is not None:
        image.header["pixdim"][1:4] = pixdim
    nibabel.save(image, path)
    return path


@pytest.fixture
def mask():
    array = np.zeros((12, 10, 6), np.uint8)
    array[3:9, 3:8, 1:5] = 2
    array[5:7, 5:6, 1:5] = 1
    return array


def emidec_like(tmp_path, array):
    """The header of the EMIDEC files: sform code 2, diag(-1, -1, 1), the voxel size in pixdim alone."""
    return save(
        tmp_path / "e.nii.gz", array.astype(float), np.diag([-1.0, -1, 1, 1]), (2, 0), (1.458, 1.458, 10)
    )


def test_the_emidec_fault_is_mended_and_reported_with_both_numbers(tmp_path, mask, caplog):
    found = volume.read_labels(emidec_like(tmp_path, mask), scheme="emidec")
    np.testing.assert_allclose(found.spacing_mm, [1.458, 1.458, 10], rtol=1e-6)
    assert found.voxel_volume_ml == pytest.approx(0.02125764, rel=1e-5)
    np.testing.assert_allclose(found.affine[:3, :3], np.diag([-1.458, -1.458, 10]), rtol=1e-6)
    assert (
        "1 x 1 x 1 mm" in caplog.text and "1.458 x 1.458 x 10 mm" in caplog.text and "21.3 times" in caplog.text
    )
    assert found.notes


def test_the_affine_is_believed_when_asked(tmp_path, mask):
    found = volume.read_labels(emidec_like(tmp_path, mask), scheme="emidec", spacing_from="affine")
    np.testing.assert_allclose(found.spacing_mm, 1)


def test_any_other_disagreement_is_refused_until_decided(tmp_path, mask):
    path = save(tmp_path / "a.nii.gz", mask, np.diag([2.0, 2, 8, 1]), pixdim=(1.5, 1.5, 8))
    with pytest.raises(
        GeometryError, match=r"affine says 2 x 2 x 8 mm, pixdim says 1.5 x 1.5 x 8 mm.*--spacing-from"
    ):
        volume.read_labels(path)
    assert volume.read_labels(path, spacing_from="pixdim").spacing_mm == pytest.approx([1.5, 1.5, 8])
    assert volume.read_labels(path, spacing_from="affine").spacing_mm == pytest.approx([2, 2, 8])


def test_one_percent_is_a_disagreement_and_rounding_is_not(tmp_path, mask):
    sizes = np.linalg.norm(AFFINE[:3, :3], axis=0)
    volume.read_labels(save(tmp_path / "a.nii", mask, pixdim=sizes * 1.0001))
    with pytest.raises(GeometryError):
        volume.read_labels(save(tmp_path / "b.nii", mask, pixdim=sizes * 1.01))


def test_the_volume_of_a_sheared_voxel_is_its_determinant(tmp_path, mask):
    sheared = np.array([[1.0, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 10, 0], [0, 0, 0, 1]])
    found = volume.read_labels(save(tmp_path / "a.nii", mask, sheared))
    assert found.voxel_volume_ml == pytest.approx(0.01)


def test_a_singleton_fourth_axis_is_dropped_and_said(tmp_path, mask):
    found = volume.read_labels(save(tmp_path / "a.nii.gz", mask[..., None]))
    assert found.array.shape == mask.shape and "4-D" in found.notes[-1]


def test_a_volume_without_orientation_is_said(tmp_path, mask):
    found = volume.read_labels(save(tmp_path / "a.nii.gz", mask, np.diag([-1.0, 1, 1, 1]), codes=(0, 0)))
    assert "no orientation" in found.notes[0]


def test_sform_against_qform_is_said(tmp_path, mask):
    path = save(tmp_path / "a.nii.gz", mask, np.diag([1.0, 1, 8, 1]))
    image = nibabel.load(path)
    image.set_qform(np.diag([-1.0, -1, 8, 1]), 1)
    nibabel.save(image, path)
    assert "sform and qform disagree" in volume.read_labels(path).notes[0]


def test_nifti_2_is_read_and_written_as_nifti_2(tmp_path, mask):
    nibabel.save(nibabel.Nifti2Image(mask, AFFINE), tmp_path / "a.nii")
    found = volume.read_labels(tmp_path / "a.nii")
    volume.write_labels(tmp_path / "b.nii", found.array, like=found, facts={})
    assert isinstance(nibabel.load(tmp_path / "b.nii"), nibabel.Nifti2Image)


def test_big_endian_is_read(tmp_path, mask):
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(mask.astype(">i2"), AFFINE, header)
    nibabel.save(image, tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.read_labels(tmp_path / "a.nii").array, mask)


def test_a_scaled_image_is_read_as_its_values(tmp_path, mask):
    image = nibabel.Nifti1Image(mask.astype(np.float32) * 3.7, AFFINE)
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_allclose(volume.read_image(tmp_path / "a.nii.gz").array, mask * 3.7, atol=1e-3)


def test_an_image_written_like_an_int16_file_stays_float32(tmp_path, mask):
    like = volume.read(save(tmp_path / "a.nii.gz", mask.astype(np.int16)))
    values = np.random.default_rng(0).normal(size=mask.shape).astype(np.float32)
    volume.write_image(tmp_path / "b.nii.gz", values, like=like, facts={})
    made = nibabel.load(tmp_path / "b.nii.gz")
    assert made.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(made.dataobj), values)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda affine: affine + np.array([[0, 0, 0, 0.002]] + [[0] * 4] * 3), "corners"),
        (lambda affine: affine @ np.diag([1.001, 1, 1, 1]), "corners"),
    ],
)
def test_two_grids_a_thousandth_apart_are_not_one(tmp_path, mask, change, problem):
    one = volume.read(save(tmp_path / "a.nii.gz", mask))
    other = volume.read(save(tmp_path / "b.nii.gz", mask, change(AFFINE)))
    with pytest.raises(GeometryError, match=problem) as error:
        volume.require_same_grid(one, other)
    assert "a.nii.gz" in str(error.value) and "b.nii.gz" in str(error.value) and "\n" not in str(error.value)


def test_single_precision_is_no_other_grid(tmp_path, mask):
    one = volume.read(save(tmp_path / "a.nii.gz", mask))
    other = volume.read(save(tmp_path / "b.nii.gz", mask, AFFINE + 1e-5))
    volume.require_same_grid(one, other)


def test_a_small_file_that_claims_terabytes_is_refused_before_it_is_unpacked(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    block = header.binaryblock + b"\0\0\0\0"
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(block))
    with pytest.raises(InputError, match="over the limit"):
        volume.read(tmp_path / "a.nii.gz")


def test_an_extension_bomb_is_refused(tmp_path, mask):
    path = save(tmp_path / "a.nii", mask)
    data = bytearray(path.read_bytes())
    struct.pack_into("<f", data, 108, 2e9)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="start at byte"):
        volume.read(path)


@pytest.mark.parametrize("scheme", labels.SCHEMES)
def test_every_scheme_maps_onto_the_internal_labels(scheme):
    rule = labels.SCHEMES[scheme]
    foreign = np.array(list(rule.values))
    found, notes = labels.to_internal(foreign, scheme)
    assert found.tolist() == list(rule.values.values())
    assert len(notes) == len(rule.remarks)


def test_acdc_and_mnms_are_opposite():
    array = np.array([1, 2, 3])
    assert labels.to_internal(array, "acdc")[0].tolist() == [5, 2, 1]
    assert labels.to_internal(array, "mnms")[0].tolist() == [1, 2, 5]


def test_oedema_is_merged_and_counted():
    found, notes = labels.to_internal(np.array([200, 1220, 1220, 2221, 500, 600, 0]), "myops2020")
    assert found.tolist() == [2, 2, 2, 3, 1, 5, 0]
    assert "oedema" in notes[0] and "2 voxels" in notes[0]


def test_a_wrong_scheme_is_named_with_counts_and_the_one_that_fits():
    with pytest.raises(InputError, match=r"500 \(1 voxels\).*--labels myops2020"):
        labels.to_internal(np.array([0, 200, 500]), "scartools")


@pytest.mark.parametrize("values", [[np.nan], [0.5], [np.inf], [-1], [1e30]])
def test_what_is_no_label_is_refused(values):
    with pytest.raises(InputError):
        labels.to_internal(np.array(values), "scartools")


def test_every_bit_of_a_packed_volume_is_guarded_by_its_checksum(tmp_path, mask):
    path = save(tmp_path / "a.nii.gz", mask)
    good, refused = path.read_bytes(), 0
    labels_before = volume.read(path).array
    for bit in range(80, 8 * len(good), 37):
        data = bytearray(good)
        data[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(bytes(data))
        try:
            found = volume.read(path).array
        except InputError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, labels_before)  # a bit that means nothing
    assert refused > 0.9 * len(range(80, 8 * len(good), 37))


def test_texts_of_the_scanner_do_not_travel(tmp_path, mask):
    image = nibabel.Nifti1Image(mask, AFFINE)
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = b"SMITH^JOHN"
    image.header["cal_max"] = 7
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"SMITH^JOHN"))
    nibabel.save(image, tmp_path / "a.nii")
    found = volume.read(tmp_path / "a.nii")
    volume.write_labels(tmp_path / "b.nii", mask, like=found, facts={})
    assert b"SMITH" in (tmp_path / "a.nii").read_bytes() and b"SMITH" not in (tmp_path / "b.nii").read_bytes()
    assert nibabel.load(tmp_path / "b.nii").header["cal_max"] == 0


@pytest.mark.parametrize("millimetres", [0.01, 100.0])
def test_voxels_that_no_heart_has_are_refused(tmp_path, mask, millimetres):
    path = save(tmp_path / "a.nii", mask, np.diag([millimetres, millimetres, 8, 1]))
    with pytest.raises(GeometryError, match="those of a heart"):
        volume.read(path)


def test_corners_decide_on_the_grid_and_a_thousandth_is_the_limit(tmp_path, mask):
    one = volume.read(save(tmp_path / "a.nii", mask))
    for name, shift, same in (("b", 0.0005, True), ("c", 0.0015, False)):
        moved = AFFINE.copy()
        moved[0, 3] += shift
        other = volume.read(save(tmp_path / f"{name}.nii", mask, moved))
        if same:
            volume.require_same_grid(one, other)
        else:
            with pytest.raises(GeometryError):
                volume.require_same_grid(one, other)


@pytest.mark.parametrize(
    ("read", "bad"), [(volume.read_prior, 19), (volume.read_mask, 2), (volume.read_prior, 0)]
)
def test_a_prior_holds_1_to_18_and_a_mask_0_and_1(tmp_path, mask, read, bad):
    path = save(tmp_path / "a.nii", np.full(mask.shape, bad, np.uint8))
    with pytest.raises(InputError):
        read(path)


def test_a_new_volume_has_both_forms_and_millimetres(tmp_path, mask):
    volume.save_array(tmp_path / "a.nii.gz", mask, AFFINE)
    made = nibabel.load(tmp_path / "a.nii.gz")
    assert (int(made.header["sform_code"]), int(made.header["qform_code"])) == (1, 1)
    assert made.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(made.affine, AFFINE, atol=1e-5)
