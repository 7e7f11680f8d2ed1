"""Pages: what they are is known before anything is unpacked."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pypdfium2
import pytest

from scartools.errors import InputError
from scartools.files import page

PICTURE = np.random.default_rng(2).integers(0, 255, (80, 120, 3), dtype=np.uint8)


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "png"), (".bmp", "bmp"), (".jpg", "jpeg")])
def test_a_picture_is_known_by_its_content(tmp_path, suffix, kind):
    cv2.imwrite(str(tmp_path / f"a{suffix}"), PICTURE)
    path = (tmp_path / f"a{suffix}").rename(tmp_path / "a.dat")
    found = page.inspect(path)
    assert (found.kind, found.pixels, found.pages) == (kind, (80, 120), 1)


def test_a_picture_is_read_in_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), PICTURE)  # OpenCV writes BGR
    np.testing.assert_array_equal(page.read_picture(tmp_path / "a.png"), PICTURE[:, :, ::-1])


def test_a_pdf_is_counted(tmp_path):
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 100)
    document.new_page(200, 100)
    document.save(tmp_path / "a.pdf")
    assert page.inspect(tmp_path / "a.pdf").pages == 2


def png(width: int, height: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "neither PNG"),
        (b"hello", "neither PNG"),
        (png(30000, 30000), "over the limit"),
        (png(1, 1), "only 1 x 1"),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR", "ends inside"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "ends inside"),
        (b"BM", "ends inside"),
        (b"%PDF-1.7\nrubbish", "damaged PDF"),
    ],
)
def test_a_broken_or_hostile_page_is_refused(tmp_path, content, problem):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        page.inspect(tmp_path / "a")


def test_a_truncated_picture_is_not_half_read(tmp_path):
    (tmp_path / "a.png").write_bytes(png(500, 500))
    with pytest.raises(InputError, match="truncated or damaged"):
        page.read_picture(tmp_path / "a.png")


def test_a_truncated_jpeg_is_refused_and_not_filled_with_grey(tmp_path):
    data = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data)
    page.read_picture(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match="truncated"):
        page.read_picture(tmp_path / "a.jpg")


def test_transparent_pixels_lie_on_white_paper(tmp_path):
    clear = np.zeros((80, 120, 4), np.uint8)  # black, and nowhere opaque
    clear[10:20, :, 3] = 255
    cv2.imwrite(str(tmp_path / "a.png"), clear)
    found = page.read_picture(tmp_path / "a.png")
    assert (found[10:20] == 0).all() and (found[20:] == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_and_16_bit_pictures_are_read(tmp_path, dtype):
    grey = np.full((80, 120), np.iinfo(dtype).max, dtype)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    assert (page.read_picture(tmp_path / "a.png") == 255).all()


@pytest.mark.parametrize(("content", "name"), [(b"II*\0", "TIFF"), (b"GIF89a", "GIF")])
def test_other_kinds_are_named(tmp_path, content, name):
    (tmp_path / "a.png").write_bytes(content + bytes(200))
    with pytest.raises(InputError, match=name):
        page.inspect(tmp_path / "a.png")
