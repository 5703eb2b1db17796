"""Read the text of a document without a model: the text layer of a PDF, the QR codes of an image.

A page of an image without a QR code has one synthetic line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageSequence

from headrace.sandbox.ai.framework import inputs, qr_codes
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.image_analysis import NotAnImageError
from headrace.streams.media.file_type import HEAD_BYTES
from headrace.streams.media.media_input import MediaInput

SYNTHETIC = "Synthetic line: no text was read from this picture"

_GAP = re.compile(r"\s*\|\s*|\t+|\s{3,}")


class UnsupportedDocumentError(UnprocessableMediaError):
    """Textract does not support the document format."""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of text; `top` is its position on the page from 0 to 1.

    `cells` are its parts between wide gaps or bars.
    """

    text: str
    top: float
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodedDocument:
    """The lines of each page. `synthetic`: some lines are placeholders. `side`: the longest side in pixels, if any."""

    pages: tuple[tuple[DocumentLine, ...], ...]
    synthetic: bool
    side: int | None = None


def read(path: Path, operation: str, service: str = "textract") -> DecodedDocument:
    """Read a PDF, JPEG, PNG or TIFF. Raises `UnprocessableMediaError`, also for what the operation does not accept."""
    with path.open("rb") as file:
        content_type = inputs.content_type(file.read(HEAD_BYTES))
    document = _pdf(path) if content_type == "application/pdf" else picture(path.read_bytes())
    pages = len(document.pages)
    media = MediaInput(
        "", "key", content_type, path.stat().st_size, width=document.side, height=document.side, pages=pages
    )
    inputs.check(service, operation, media)
    return document


def picture(data: bytes) -> DecodedDocument:
    """Read the QR codes on each page of an image. Raises `UnprocessableMediaError`."""
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF"))
        pages, side = getattr(image, "n_frames", 1), max(image.size)  # reading a large page shrinks it
    except (OSError, ValueError, SyntaxError) as error:
        raise UnsupportedDocumentError("the document is no PDF, JPEG, PNG or TIFF") from error
    try:
        read = [_codes(page.copy()) for page in ImageSequence.Iterator(image)] if pages > 1 else [_codes(image)]
    except (NotAnImageError, OSError, ValueError, SyntaxError) as error:
        raise UnprocessableMediaError("the document cannot be read") from error
    pages_read = tuple(lines or (DocumentLine(SYNTHETIC, 0.1),) for lines in read)
    return DecodedDocument(pages_read, synthetic=not all(read), side=side)


def _codes(page: Image.Image) -> tuple[DocumentLine, ...]:
    return tuple(DocumentLine(line, code.box[1], (line,)) for code in qr_codes.read(page) for line in code.lines)


def _pdf(path: Path) -> DecodedDocument:
    from pypdf import PdfReader  # 0.4 s of CPU at each start of the AI services, of which most read no PDF
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            raise UnprocessableMediaError("the document is encrypted")
        return DecodedDocument(tuple(tuple(_lines(page.extract_text())) for page in reader.pages), synthetic=False)
    except (PyPdfError, ValueError, KeyError, RecursionError, OSError) as error:
        raise UnprocessableMediaError("the document cannot be read") from error


def _lines(text: str) -> Iterator[DocumentLine]:
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        cells = tuple(" ".join(cell.split()) for cell in _GAP.split(line.strip()))
        yield DocumentLine(" ".join(line.split()), (number + 0.5) / (len(lines) + 1), cells)
