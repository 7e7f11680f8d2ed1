"""TIFF pages: every scan of a file is found and read, and none is read that the file does not hold whole."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from scartools.errors import InputError
from scartools.files import page

SCANS = [np.full((70 + k, 100, 3), (20 * k, 60, 200), np.uint8) for k in range(3)]  # RGB


@pytest.fixture
def scans(tmp_path):
    path = tmp_path / "scans.tif"
    assert cv2.imwritemulti(str(path), [scan[:, :, ::-1] for scan in SCANS])
    return path


def test_every_scan_of_a_file_is_counted_and_read_in_rgb(scans):
    found = page.inspect(scans)
    assert (found.kind, found.pages, found.pixels) == ("tiff", 3, (70, 100))
    for number, scan in enumerate(SCANS):
        np.testing.assert_array_equal(page.read_picture(scans, number), scan)
    with pytest.raises(InputError, match="3 pages and no page 4"):
        page.read_picture(scans, 3)


def test_a_black_and_white_fax_is_read(tmp_path):
    image = pytest.importorskip("PIL.Image")
    ink = np.random.default_rng(3).random((80, 120)) > 0.7
    image.fromarray(~ink).save(tmp_path / "fax.tif", compression="group4")
    np.testing.assert_array_equal(page.read_picture(tmp_path / "fax.tif")[:, :, 1], np.where(ink, 0, 255))


def test_a_file_that_ends_early_is_refused(scans):
    whole = scans.read_bytes()
    for size in (len(whole) // 2, len(whole) - 30, 9):
        scans.write_bytes(whole[:size])
        with pytest.raises(InputError, match="TIFF|truncated"):
            page.inspect(scans)


def directory(width: int, height: int, photometric: int = 1, subfile: int = 0, following: int = 0) -> bytes:
    """A little-endian directory of one strip of four bytes at the start of the file."""
    tags = {254: subfile, 256: width, 257: height, 262: photometric, 273: 0, 277: 1, 279: 4}
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<H", len(tags)) + body + struct.pack("<I", following)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"II*\0" + struct.pack("<I", 8) + directory(30000, 30000), "over the limit"),
        (b"II*\0" + struct.pack("<I", 8) + directory(20, 900), "no ECG page"),
        (b"II*\0" + struct.pack("<I", 8) + directory(600, 400, photometric=5), "RGB"),
        (b"II*\0" + struct.pack("<I", 8) + directory(600, 400, following=8), "more than 1000"),
        (b"II*\0" + struct.pack("<I", 8) + directory(600, 400, subfile=1), "without pictures"),
        (b"MM\0*" + struct.pack(">I", 5000) + bytes(90), "damaged"),
        (b"II+\0" + bytes(90), "BigTIFF"),
    ],
)
def test_a_hostile_header_is_refused_before_anything_is_unpacked(tmp_path, content, problem):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError) as refused:
        page.inspect(tmp_path / "a.tif")
    assert problem in str(refused.value)


def test_a_smaller_copy_of_a_picture_is_no_page(tmp_path):
    first = directory(600, 400, subfile=1, following=8 + len(directory(1, 1)))
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + first + directory(700, 500))
    found = page.inspect(tmp_path / "a.tif")
    assert (found.pages, found.pixels) == (1, (500, 700))
