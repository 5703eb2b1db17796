"""Read the text of a document, or of a picture of one page; forms and tables too, where somebody pays for that."""

from __future__ import annotations

import msgspec

from headrace.schemas.records import Asset, DocumentAnalysed, MediaReady
from headrace.schemas.topics import DOCUMENTS, READY
from headrace.streams.service_results import DocumentFeature, DocumentText
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, FinishedJob, Stage, Transform
from headrace.streams.stages._text import excerpt

ONE_PAGE = ["image/jpeg", "image/png"]
MANY_PAGES = ["application/pdf", "image/tiff"]


def documents_stage(forms: bool = False, tables: bool = False, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage; each of forms and tables has its own price, which is many times that of the text alone."""
    asked: dict[DocumentFeature, bool] = {"FORMS": forms, "TABLES": tables}
    features = tuple(feature for feature, wanted in asked.items() if wanted)

    async def look(media: MediaReady, services: Services) -> DocumentAnalysed:
        """Read one page at once."""
        return await kept(media.asset, await services.documents.detect(media.asset, features), services)

    async def start(media: MediaReady, token: str, services: Services) -> str:
        """Submit a document, and let go."""
        return await services.documents.start(media.asset, token, features)

    async def finish(finished: FinishedJob, services: Services) -> DocumentAnalysed:
        """Fetch what was read."""
        return await kept(finished.asset, await services.documents.get_result(finished.job.job_id, features), services)

    async def kept(asset: Asset, pages: DocumentText, services: Services) -> DocumentAnalysed:
        keep, name, form = services.blobs.put_blob, stage.result_name, pages.form
        return DocumentAnalysed(
            asset=asset,
            pages=pages.count,
            words=len(pages.text.split()),
            excerpt=excerpt(pages.text),
            text=await keep(asset, f"{name}.txt", pages.text.encode(), "text/plain; charset=utf-8"),
            result=await keep(asset, f"{name}.answer.json", pages.answer, "application/json"),
            field_count=len(form.fields) if form else None,
            table_count=len(form.tables) if form else None,
            form=await keep(asset, f"{name}.form.json", msgspec.json.encode(form), "application/json")
            if form
            else None,
            charges=pages.charges,
        )

    operation = "StartDocumentAnalysis" if features else "StartDocumentTextDetection"
    methods = (
        ("analyze_document", "start_document_analysis", "get_document_analysis")
        if features
        else ("detect_document_text", "start_document_text_detection", "get_document_text_detection")
    )
    stage = Stage(
        "documents",
        reads=(READY,),
        writes=DOCUMENTS,
        when={"content_type": [*ONE_PAGE, *MANY_PAGES]},
        handler=AsyncJob(
            "textract",
            operation,
            start,
            finish,
            when={"content_type": MANY_PAGES},
            otherwise=Transform(look),
        ),
        options=options,
        factory=documents_stage,
        paid_operations=tuple(f"textract.{method}" for method in methods),
        priced_features=features,
    )
    return stage


STAGE = documents_stage()
