"""QR codes, written by the library that reads them, and the responses for them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from headrace.sandbox.ai.framework import qr_codes
from headrace.sandbox.ai.framework.image_analysis import NotAnImageError
from headrace.sandbox.ai.textract import documents
from headrace.sandbox.ai.textract.documents import SYNTHETIC


def drawn(text: str, scale: int = 6) -> Image.Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    return Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=scale))


def page(*places: tuple[str, tuple[int, int]], size: tuple[int, int] = (800, 1000)) -> Image.Image:
    sheet = Image.new("RGB", size, "white")
    for text, at in places:
        sheet.paste(drawn(text), at)
    return sheet


def encoded(image: Image.Image, form: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def test_reads_a_code_with_its_box() -> None:
    (found,) = qr_codes.read(page(("https://example.com/é?a=1", (200, 500))))

    left, top, width, height = found.box
    assert found.text == "https://example.com/é?a=1"
    assert (0.25 < left < 0.35, 0.5 < top < 0.6, 0.1 < width < 0.4, 0.1 < height < 0.3) == (True,) * 4


def test_returns_codes_top_down_and_line_by_line() -> None:
    found = qr_codes.read(page(("second", (50, 600)), ("first\n\nof  two", (400, 20))))

    assert [code.lines for code in found] == [("first", "of two"), ("second",)]


def test_photograph_has_no_codes(media: Path) -> None:
    assert qr_codes.read(Image.open(media / "bottles.jpg")) == ()


def test_reads_a_code_in_a_large_rotated_photograph() -> None:
    large = page(("far away", (0, 0)), size=(400, 500)).resize((4000, 5000)).rotate(90, expand=True)

    assert [code.text for code in qr_codes.read(large)] == ["far away"]


def test_truncated_image_is_an_error(media: Path) -> None:
    cut = io.BytesIO((media / "bottles.jpg").read_bytes()[:5000])

    with pytest.raises(NotAnImageError):
        qr_codes.read(Image.open(cut))


def test_scanned_page_has_the_lines_of_its_code_and_is_not_synthetic() -> None:
    found = documents.picture(encoded(page(("Name: Ada", (10, 10))), "PNG"))

    assert [line.text for line in found.pages[0]] == ["Name: Ada"]
    assert not found.synthetic


def test_reads_each_page_of_a_tiff() -> None:
    pages = [page(("one", (10, 10))), page(), page(("three", (10, 10)))]
    found = documents.picture(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))

    assert [[line.text for line in lines] for lines in found.pages] == [["one"], [SYNTHETIC], ["three"]]
    assert found.synthetic
