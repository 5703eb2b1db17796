"""Extract the text of a document or of an image of one page; optionally forms and tables."""

from __future__ import annotations

import msgspec

from headrace.schemas.records import Asset, DocumentAnalysed, MediaReady
from headrace.schemas.topics import DOCUMENTS, READY
from headrace.streams.handlers import AsyncJob, FinishedJob, Transform
from headrace.streams.media.media_input import original
from headrace.streams.service_results import DocumentFeature, DocumentText
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import picture_for
from headrace.streams.stages._text import excerpt

MANY_PAGES = ["application/pdf", "image/tiff"]


def documents_stage(forms: bool = False, tables: bool = False, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage. Forms and tables are priced separately, and cost many times the price of text alone."""
    flags: dict[DocumentFeature, bool] = {"FORMS": forms, "TABLES": tables}
    features = tuple(feature for feature, enabled in flags.items() if enabled)

    async def detect(media: MediaReady, services: Services) -> DocumentAnalysed:
        page = await picture_for("textract", image_operation, media, services)
        return await store(media.asset, await services.documents.detect(page, features), services)

    async def start(media: MediaReady, token: str, services: Services) -> str:
        return await services.documents.start(original(media), token, features)

    async def finish(finished: FinishedJob, services: Services) -> DocumentAnalysed:
        return await store(finished.asset, await services.documents.get_result(finished.job.job_id, features), services)

    async def store(asset: Asset, pages: DocumentText, services: Services) -> DocumentAnalysed:
        put_blob, name, form = services.blobs.put_blob, stage.result_name, pages.form
        return DocumentAnalysed(
            asset=asset,
            pages=pages.count,
            words=len(pages.text.split()),
            excerpt=excerpt(pages.text),
            text=await put_blob(asset, f"{name}.txt", pages.text.encode(), "text/plain; charset=utf-8"),
            result=await put_blob(asset, f"{name}.answer.json", pages.answer, "application/json"),
            field_count=len(form.fields) if form else None,
            table_count=len(form.tables) if form else None,
            form=await put_blob(asset, f"{name}.form.json", msgspec.json.encode(form), "application/json")
            if form
            else None,
            charges=pages.charges,
            missing_pages=pages.missing,
        )

    image_operation = "AnalyzeDocument" if features else "DetectDocumentText"
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
        when={"$or": [{"kind": ["image"]}, {"content_type": MANY_PAGES}]},
        handler=AsyncJob(
            "textract",
            operation,
            start,
            finish,
            when={"content_type": MANY_PAGES},
            otherwise=Transform(detect),
        ),
        options=options,
        factory=documents_stage,
        paid_operations=tuple(f"textract.{method}" for method in methods),
        priced_features=features,
    )
    return stage


STAGE = documents_stage()
