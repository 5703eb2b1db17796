"""What each AWS service accepts, by operation: the one table that adapters check before a call.

The local AI services enforce the same table. Each entry names the AWS page that it is from.
"""

from __future__ import annotations

from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.streams.limits.input_rules import Encoding, MediaRule, TextRule

MB = 1024**2
GB = 1024**3
HOUR = 3600.0

_DOCS = "https://docs.aws.amazon.com"

REDACTION_LANGUAGES = frozenset(["de-CH", "de-DE", "en-US", "es-US", "fr-CA", "fr-FR", "it-IT", "pt-BR", "pt-PT"])
"""Languages that Transcribe redacts in batch jobs (November 2026): {_DOCS}/transcribe/latest/dg/pii-redaction-batch"""

_PICTURES = frozenset({"image/jpeg", "image/png"})
_PAGES = frozenset({"application/pdf", "image/tiff"})

MEDIA_RULES = (
    MediaRule(
        "rekognition",
        (
            "DetectLabels",
            "DetectModerationLabels",
            "DetectFaces",
            "DetectText",
            "RecognizeCelebrities",
            "IndexFaces",
            "SearchFacesByImage",
        ),
        f"{_DOCS}/rekognition/latest/dg/limits.html",
        (Encoding(_PICTURES, 15 * MB),),
        min_side=80,
        max_side=10_000,
    ),
    MediaRule(  # the limits of Custom Labels are on customlabels-dg/limits.html
        "rekognition",
        ("DetectProtectiveEquipment", "DetectCustomLabels"),
        f"{_DOCS}/rekognition/latest/dg/limits.html",
        (Encoding(_PICTURES, 15 * MB),),
        min_side=64,
        max_side=4_096,
    ),
    MediaRule(
        "rekognition",
        (
            "StartLabelDetection",
            "StartContentModeration",
            "StartFaceDetection",
            "StartTextDetection",
            "StartSegmentDetection",
            "StartCelebrityRecognition",
            "StartFaceSearch",
        ),
        f"{_DOCS}/rekognition/latest/dg/video.html",
        (Encoding(frozenset({"video/mp4", "video/quicktime"}), 10 * GB, video_codecs=frozenset({"h264"})),),
        min_side=80,  # the page on limits has it for images only; smaller frames have no details to detect
        max_seconds=6 * HOUR,
    ),
    MediaRule(
        "textract",
        ("DetectDocumentText", "AnalyzeDocument"),
        f"{_DOCS}/textract/latest/dg/limits-document.html",
        (Encoding(_PICTURES | _PAGES, 10 * MB, max_pages=1),),
        max_side=10_000,
        key=r".*\S.*",
    ),
    MediaRule(
        "textract",
        ("StartDocumentTextDetection", "StartDocumentAnalysis"),
        f"{_DOCS}/textract/latest/dg/limits-document.html",
        (Encoding(_PICTURES, 10 * MB, max_pages=1), Encoding(_PAGES, 500 * MB, max_pages=3_000)),
        max_side=10_000,
        key=r".*\S.*",
    ),
    MediaRule(
        "transcribe",
        ("StartTranscriptionJob",),
        f"{_DOCS}/transcribe/latest/dg/how-input.html",
        (
            Encoding(frozenset({"audio/flac", "audio/mpeg", "audio/wav", "audio/mp4", "video/mp4"}), 2 * GB),
            Encoding(frozenset({"audio/amr"}), 2 * GB, audio_codecs=frozenset({"amr_nb", "amr_wb", "amrnb", "amrwb"})),
            Encoding(
                frozenset({"audio/ogg", "video/ogg", "audio/webm", "video/webm"}),
                2 * GB,
                audio_codecs=frozenset({"opus"}),
            ),
        ),
        min_seconds=0.5,
        max_seconds=4 * HOUR,
        key=r".+",
    ),
    MediaRule(  # images: API_runtime_Message.html of the API Reference; videos: this page, codecs that it names for all
        "bedrock-runtime",
        ("Converse",),
        f"{_DOCS}/nova/latest/userguide/modalities-video.html",
        (
            Encoding(_PICTURES | {"image/gif", "image/webp"}, 3_750_000),
            Encoding(
                frozenset({"video/mp4"}), GB, video_codecs=frozenset({"h264", "hevc", "mpeg4", "mpeg2video", "vp9"})
            ),
            Encoding(frozenset({"video/quicktime"}), GB, video_codecs=frozenset({"h264", "hevc", "prores"})),
            Encoding(frozenset({"video/x-matroska"}), GB, video_codecs=frozenset({"h264"})),
            Encoding(frozenset({"video/webm"}), GB, video_codecs=frozenset({"vp8", "vp9"})),
        ),
        max_side=8_000,
    ),
    MediaRule(
        "mediaconvert",
        ("CreateJob",),
        f"{_DOCS}/mediaconvert/latest/ug/reference-codecs-containers-input.html",
        (
            Encoding(
                frozenset(
                    {
                        "video/mp4",
                        "video/quicktime",
                        "video/x-matroska",
                        "video/webm",
                        "video/x-msvideo",
                        "video/x-ms-asf",
                        "video/x-flv",
                        "video/mpeg",
                        "video/mp2t",
                        "application/mxf",
                    }
                ),
                5_000 * GB,
            ),
        ),
        min_side=32,
        max_side=16_384,
    ),
    MediaRule(  # the key: S3Uri in the API Reference, InvokeDataAutomationAsync; 8k is taken as 7,680 pixels
        DATA_AUTOMATION,
        ("InvokeDataAutomationAsync",),
        f"{_DOCS}/bedrock/latest/userguide/bda-limits.html",
        (
            Encoding(_PICTURES, 5 * MB, max_side=7_680),
            Encoding(_PAGES, 500 * MB, max_pages=3_000, max_side=10_000),
            Encoding(
                frozenset({"video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/webm"}),
                10 * GB,
                video_codecs=frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores"}),
                min_side=224,
                max_side=7_680,
            ),
            Encoding(
                frozenset({"audio/amr", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav"}), 2 * GB
            ),
        ),
        min_seconds=0.5,  # of sound; the page has no minimum for videos
        max_seconds=4 * HOUR,
        key=r"""[^\x00-\x1f\x7f{^}%`\]">\[~<#|]+""",
    ),
)

_COMPREHEND = f"{_DOCS}/comprehend/latest/dg/supported-languages.html"
_COMPREHEND_LANGUAGES = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"})
_TRADITIONAL_CHINESE = {"zh-HK": "zh-TW", "zh-MO": "zh-TW", "zh-Hant": "zh-TW", "yue": "zh-TW"}
_TRANSLATE_CODES = (
    "af am ar az bg bn bs ca cs cy da de el en es es-MX et fa fa-AF fi fr fr-CA ga gu ha he hi hr ht hu hy id is it ja "
    "ka kk kn ko lt lv mk ml mn mr ms mt nl no pa pl ps pt pt-PT ro ru si sk sl so sq sr sv sw ta te th tl tr uk ur uz "
    "vi zh zh-TW"
)

TEXT_RULES = (
    TextRule(
        "comprehend",
        ("DetectEntities", "DetectKeyPhrases"),
        _COMPREHEND,
        max_bytes=100_000,
        languages=_COMPREHEND_LANGUAGES,
        variants=_TRADITIONAL_CHINESE,
    ),
    TextRule("comprehend", ("DetectPiiEntities",), _COMPREHEND, max_bytes=100_000, languages=frozenset({"en", "es"})),
    TextRule(
        "comprehend",
        ("DetectSentiment",),
        f"{_DOCS}/comprehend/latest/dg/guidelines-and-limits.html",
        max_bytes=5_000,
        languages=_COMPREHEND_LANGUAGES,
        variants=_TRADITIONAL_CHINESE,
    ),
    TextRule(
        "comprehend",
        ("DetectDominantLanguage",),
        f"{_DOCS}/comprehend/latest/dg/guidelines-and-limits.html",
        max_bytes=100_000,
    ),
    TextRule(
        "translate",
        ("TranslateText",),
        f"{_DOCS}/translate/latest/dg/what-is-languages.html",
        max_bytes=10_000,
        languages=frozenset(_TRANSLATE_CODES.split()),
        variants={**_TRADITIONAL_CHINESE, "nb": "no", "nn": "no", "fil": "tl", "iw": "he", "prs": "fa-AF"},
    ),
    TextRule(
        "polly",
        ("StartSpeechSynthesisTask",),
        f"{_DOCS}/polly/latest/dg/limits.html",
        max_characters=100_000,
    ),
    TextRule(
        "bedrock-runtime",
        ("InvokeModel",),  # of Amazon Titan Text Embeddings V2
        f"{_DOCS}/bedrock/latest/userguide/titan-embedding-models.html",
        max_characters=50_000,
        max_tokens=8_192,
    ),
)

_MEDIA = {(rule.service, operation): rule for rule in MEDIA_RULES for operation in rule.operations}
_TEXT = {(rule.service, operation): rule for rule in TEXT_RULES for operation in rule.operations}


def media_rule(service: str, operation: str) -> MediaRule:
    """Return the rule of an operation that reads a file. Raises KeyError if it reads none."""
    return _MEDIA[service, operation]


def text_rule(service: str, operation: str) -> TextRule:
    """Return the rule of an operation that reads a text. Raises KeyError if it reads none."""
    return _TEXT[service, operation]
