"""Read the text of a document, or of a picture of one page."""

from __future__ import annotations

from schemas.records import Asset, DocumentAnalysed, MediaReady
from schemas.topics import DOCUMENTS, READY
from streams.answers import Pages
from streams.services import Services
from streams.stage import Finished, Job, Stage
from streams.texts import excerpt

ONE_PAGE = ["image/jpeg", "image/png"]
MANY_PAGES = ["application/pdf", "image/tiff"]


async def look(media: MediaReady, services: Services) -> DocumentAnalysed:
    """Read one page at once."""
    return await _kept(media.asset, await services.documents.look(media.asset), services)


async def start(media: MediaReady, token: str, services: Services) -> str:
    """Submit a document, and let go."""
    return await services.documents.start(media.asset, token)


async def finish(finished: Finished, services: Services) -> DocumentAnalysed:
    """Fetch what was read."""
    return await _kept(finished.asset, await services.documents.read(finished.job.job_id), services)


async def _kept(asset: Asset, pages: Pages, services: Services) -> DocumentAnalysed:
    keep = services.blobs.keep
    return DocumentAnalysed(
        asset=asset,
        pages=pages.count,
        words=len(pages.text.split()),
        excerpt=excerpt(pages.text),
        text=await keep(asset, "documents@1.txt", pages.text.encode(), "text/plain; charset=utf-8"),
        result=await keep(asset, "documents@1.answer.json", pages.answer, "application/json"),
        charges=pages.charges,
    )


STAGE = Stage(
    "documents",
    reads=(READY,),
    writes=DOCUMENTS,
    when={"content_type": [*ONE_PAGE, *MANY_PAGES]},
    run=look,
    job=Job("textract", "StartDocumentTextDetection", start, finish, when={"content_type": MANY_PAGES}),
    calls=(
        "textract.detect_document_text",
        "textract.start_document_text_detection",
        "textract.get_document_text_detection",
    ),
)
