"""Read QR codes in pictures. The only module that uses zxing-cpp."""

from __future__ import annotations

from dataclasses import dataclass

import zxingcpp
from PIL import Image, ImageOps

from headrace.sandbox.ai.framework.image_analysis import NotAnImageError

_READ_AT = (1600, 1600)


@dataclass(frozen=True, slots=True)
class QrCode:
    """The text of a QR code and its box: left, top, width and height, from 0 to 1."""

    text: str
    box: tuple[float, float, float, float]

    @property
    def lines(self) -> tuple[str, ...]:
        """The non-empty lines of the text."""
        return tuple(" ".join(line.split()) for line in self.text.splitlines() if line.strip())


def read(image: Image.Image) -> tuple[QrCode, ...]:
    """Read the QR codes of an image in its EXIF orientation, top down. Raises `NotAnImageError`.

    Shrinks a large `image` in place.
    """
    try:
        image.thumbnail(_READ_AT)
        grey = ImageOps.exif_transpose(image).convert("L")
    except (OSError, ValueError, SyntaxError) as error:
        raise NotAnImageError(str(error)) from error
    barcodes = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    codes = (QrCode(barcode.text, _box(barcode.position, grey)) for barcode in barcodes)
    return tuple(sorted((code for code in codes if code.lines), key=lambda code: (code.box[1], code.box[0])))


def _box(position: zxingcpp.Position, grey: Image.Image) -> tuple[float, float, float, float]:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    xs, ys = [point.x / grey.width for point in corners], [point.y / grey.height for point in corners]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
