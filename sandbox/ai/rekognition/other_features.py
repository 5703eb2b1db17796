"""Amazon Rekognition's faces, text, segments and celebrities.

- Faces are synthetic: an image with enough skin colours has one face.
- Text is that of QR codes. An image without a QR code has one synthetic text, which is marked.
- Segments are measured.
- Celebrities are never recognised; each face is an unrecognised face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

from headrace.sandbox.ai.framework import image_analysis, qr_codes
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.image_analysis import DecodedImage
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import LedgerJob
from headrace.sandbox.ai.framework.service import Params, ServiceContext
from headrace.sandbox.ai.framework.video_analysis import VideoAnalysis
from headrace.sandbox.ai.rekognition import responses
from headrace.sandbox.ai.rekognition.inputs import fetched, picture, seen
from headrace.sandbox.ai.rekognition.jobs import VIDEO_JOBS, find, page, start, watch

BOX = {"Width": 0.2, "Height": 0.4, "Left": 0.4, "Top": 0.3}
SKIN = ("brown", "orange", "pink")
SEGMENT_MODEL = "headrace-measured-1.0"


def detect_faces(params: Params, context: ServiceContext) -> Params:
    """Return synthetic faces of an image."""
    return {"FaceDetails": _faces(picture(params["Image"], context.cloud))}


def detect_text(params: Params, context: ServiceContext) -> Params:
    """Return the text of an image's QR codes, or one synthetic text."""
    image = fetched(params["Image"], context.cloud)
    if read := seen(image, context.cloud, qr_codes.read):
        lines = [(line, 99.0, _box(code)) for code in read for line in code.lines]
        return {"TextDetections": _lines(lines), "TextModelVersion": image_analysis.MEASURED}
    found = _texts(picture(image, context.cloud))
    return {"TextDetections": found, "TextModelVersion": image_analysis.SYNTHETIC}


def recognize_celebrities(params: Params, context: ServiceContext) -> Params:
    """Return no celebrities; all faces are unrecognised."""
    faces = _faces(picture(params["Image"], context.cloud))
    unknown = [{"BoundingBox": face["BoundingBox"], "Confidence": face["Confidence"]} for face in faces]
    return {"CelebrityFaces": [], "UnrecognizedFaces": unknown}


def _faces(shown: DecodedImage) -> list[Params]:
    skin = sum(colour.percent for colour in shown.colours if colour.simple in SKIN)
    sure = image_analysis.graded(skin, 20, 60)
    if not sure:
        return []
    years = 20 + round(shown.brightness) % 30
    feeling = "HAPPY" if shown.brightness > 50 else "CALM"
    return [
        {
            "BoundingBox": BOX,
            "Confidence": sure,
            "AgeRange": {"Low": years, "High": years + 8},
            "Emotions": [{"Type": feeling, "Confidence": 50.0}],
            "Landmarks": [],
        }
    ]


def _texts(shown: DecodedImage) -> list[Params]:
    sure = image_analysis.graded(shown.contrast, 10, 60)
    if not sure:
        return []
    return _lines([(f"SYNTHETIC {shown.colours[0].simple.upper()}", sure, BOX)])


def _lines(texts: Sequence[tuple[str, float, Params]]) -> list[Params]:
    """Return lines, then their words, numbered consecutively."""
    number = count(len(texts))
    forms_ = [{"Confidence": sure, "Geometry": {"BoundingBox": box, "Polygon": []}} for _, sure, box in texts]
    both = list(enumerate(zip(texts, forms_, strict=True)))
    lines = [{"DetectedText": text, "Type": "LINE", "Id": at, **form} for at, ((text, _, _), form) in both]
    return lines + [
        {"DetectedText": word, "Type": "WORD", "Id": next(number), "ParentId": at, **form}
        for at, ((text, _, _), form) in both
        for word in text.split()
    ]


def _box(code: qr_codes.QrCode) -> Params:
    left, top, width, height = code.box
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def _segments(seen: VideoAnalysis) -> list[Params]:
    """Return the shots and black frames of a video."""
    rate = seen.video.rate or 25.0

    def one(kind: str, number: int, first: int, last: int, more: Params) -> Params:
        return {
            "Type": kind,
            "StartTimestampMillis": first,
            "EndTimestampMillis": last,
            "DurationMillis": last - first,
            "StartTimecodeSMPTE": _timecode(first, rate),
            "EndTimecodeSMPTE": _timecode(last, rate),
            "DurationSMPTE": _timecode(last - first, rate),
            **more,
        }

    shots = [
        one("SHOT", n, shot.start, shot.end, {"ShotSegment": {"Index": n, "Confidence": shot.confidence}})
        for n, shot in enumerate(seen.shots)
    ]
    cue = {"TechnicalCueSegment": {"Type": "BlackFrames", "Confidence": 99.0}}
    black = [one("TECHNICAL_CUE", n, first, last, cue) for n, (first, last) in enumerate(seen.black)]
    return sorted([*shots, *black], key=lambda each: (each["StartTimestampMillis"], each["Type"]))


def _timecode(millis: int, rate: float) -> str:
    seconds, rest = divmod(millis, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{int(rest * rate / 1000):02}"


def _per_sample(name: str, look: Callable[[DecodedImage], list[Params]], seen: VideoAnalysis) -> list[Params]:
    return [{"Timestamp": sample.start, name: found} for sample in seen.samples for found in look(sample.picture)]


def _no_celebrities(_: VideoAnalysis) -> list[Params]:
    return []


class _Feature:
    """A video feature: the operation of its job, the analysis, and the response member of its results."""

    def __init__(
        self, operation: str, member: str, look: Callable[[VideoAnalysis], list[Params]], extra: Params
    ) -> None:
        self.operation = operation
        self._member = member
        self._look = look
        self._extra = extra

    def start(self, params: Params, context: ServiceContext) -> Params:
        """Start the job."""
        return start(self.operation, params, context)

    def get(self, params: Params, context: ServiceContext) -> Params:
        """Return the state of a job, and a page of its results."""
        job = find(self.operation, params, context)
        found, fields = page(job, params, (job.result or {}).get("items", []), context)
        answer = {**fields, self._member: found, **self._extra}
        if self.operation != "StartSegmentDetection":
            return answer
        # GetSegmentDetection returns lists of streams and has no member Video.
        answer["VideoMetadata"] = [fields["VideoMetadata"]] if "VideoMetadata" in fields else []
        wanted = job.request["SegmentTypes"]
        answer["SelectedSegmentTypes"] = [{"Type": kind, "ModelVersion": SEGMENT_MODEL} for kind in wanted]
        answer["Segments"] = [each for each in found if each["Type"] in wanted]
        return answer | {"AudioMetadata": []}

    def work(self, job: LedgerJob, cloud: AwsClients) -> Params:
        """Return the results of the job."""
        seen = watch(job, cloud)
        return {"metadata": responses.video_metadata(seen), "items": self._look(seen)}


_FEATURES: Mapping[str, _Feature] = {
    "FaceDetection": _Feature("StartFaceDetection", "Faces", partial(_per_sample, "Face", _faces), {}),
    "TextDetection": _Feature(
        "StartTextDetection",
        "TextDetections",
        partial(_per_sample, "TextDetection", _texts),
        {"TextModelVersion": image_analysis.SYNTHETIC},
    ),
    "CelebrityRecognition": _Feature("StartCelebrityRecognition", "Celebrities", _no_celebrities, {}),
    "SegmentDetection": _Feature("StartSegmentDetection", "Segments", _segments, {}),
}

OPERATIONS: Mapping[str, Callable[[Params, ServiceContext], Params]] = {
    "DetectFaces": detect_faces,
    "DetectText": detect_text,
    "RecognizeCelebrities": recognize_celebrities,
    **{f"Start{name}": feature.start for name, feature in _FEATURES.items()},
    **{f"Get{name}": feature.get for name, feature in _FEATURES.items()},
}
JOBS: Mapping[str, JobKind] = {
    feature.operation: JobKind(feature.work, VIDEO_JOBS.announce) for feature in _FEATURES.values()
}
SYNTHETIC = frozenset({"DetectFaces", "DetectText", "RecognizeCelebrities", "GetFaceDetection", "GetTextDetection"})


def is_real(answer: Params) -> bool:
    """Return whether the response of a synthetic operation was measured."""
    return answer.get("TextModelVersion") == image_analysis.MEASURED
