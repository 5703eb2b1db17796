"""Amazon Rekognition's face collections. Faces are synthetic: `headrace.sandbox.ai.framework.face_patches`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from headrace.sandbox.ai.framework import face_patches
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.face_patches import FacePatch
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import LedgerJob
from headrace.sandbox.ai.framework.service import Params, ServiceContext
from headrace.sandbox.ai.rekognition import responses
from headrace.sandbox.ai.rekognition.inputs import seen
from headrace.sandbox.ai.rekognition.jobs import VIDEO_JOBS, find, page, start, watch

MODEL = "7.0"
THRESHOLD = 80.0
"""The default similarity of a match. Source: Amazon Rekognition API Reference, FaceMatchThreshold."""
MAX_FACES = 80
"""The default number of matches. Source: Amazon Rekognition API Reference, SearchFaces."""


def create_collection(params: Params, context: ServiceContext) -> Params:
    """Create a collection."""
    name = params["CollectionId"]
    if not context.faces.create(name, context.clock()):
        raise ServiceError("ResourceAlreadyExistsException", f"A collection with the id {name} already exists.")
    return {"StatusCode": 200, "CollectionArn": _arn(name, context), "FaceModelVersion": MODEL}


def describe_collection(params: Params, context: ServiceContext) -> Params:
    """Return the number of faces of a collection."""
    name = _existing(params, context)
    created = datetime.fromtimestamp(context.faces.created_at(name) or 0.0, UTC)
    return {
        "FaceCount": len(context.faces.faces(name)),
        "FaceModelVersion": MODEL,
        "CollectionARN": _arn(name, context),
        "CreationTimestamp": created,
    }


def index_faces(params: Params, context: ServiceContext) -> Params:
    """Add the faces of an image. The same image and external id add them once."""
    name, external = _existing(params, context), params.get("ExternalImageId", "")
    patches = seen(params["Image"], context.cloud, face_patches.find)
    kept = patches[: params.get("MaxFaces", 100)]
    image = _image_id(patches)
    records = []
    for patch in kept:
        face = {**_face(patch), "FaceId": patch.face_id(f"{external} {image}"), "ImageId": image}
        face |= {"ExternalImageId": external} if external else {}
        context.faces.add(name, face["FaceId"], patch.signature, face)
        records.append({"Face": face, "FaceDetail": _face(patch)})
    left = [{"Reasons": ["EXCEEDS_MAX_FACES"], "FaceDetail": _face(patch)} for patch in patches[len(kept) :]]
    return {"FaceRecords": records, "FaceModelVersion": MODEL, "UnindexedFaces": left}


def search_faces(params: Params, context: ServiceContext) -> Params:
    """Return the faces that are similar to a stored one, without itself."""
    name, wanted = _existing(params, context), params["FaceId"]
    stored = {face["FaceId"]: signature for signature, face in context.faces.faces(name)}
    if wanted not in stored:
        raise ServiceError("InvalidParameterException", f"faceId was not found in the collection: {wanted}")
    found = [match for match in _matches(stored[wanted], params, context) if match["Face"]["FaceId"] != wanted]
    return {"SearchedFaceId": wanted, "FaceMatches": _first(found, params), "FaceModelVersion": MODEL}


def search_faces_by_image(params: Params, context: ServiceContext) -> Params:
    """Return the faces that are similar to the largest one of an image."""
    _existing(params, context)
    patches = seen(params["Image"], context.cloud, face_patches.find)
    if not patches:
        raise ServiceError("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
    shown = _face(patches[0])
    return {
        "SearchedFaceBoundingBox": shown["BoundingBox"],
        "SearchedFaceConfidence": shown["Confidence"],
        "FaceMatches": _first(_matches(patches[0].signature, params, context), params),
        "FaceModelVersion": MODEL,
    }


def list_faces(params: Params, context: ServiceContext) -> Params:
    """Return the faces of a collection: all of them on one page, or those of the requested ids."""
    name, wanted = _existing(params, context), set(params.get("FaceIds", ()))
    faces = [face for _, face in context.faces.faces(name) if not wanted or face["FaceId"] in wanted]
    return {"Faces": faces[: params.get("MaxResults", 4096)], "FaceModelVersion": MODEL}


def delete_faces(params: Params, context: ServiceContext) -> Params:
    """Delete faces."""
    name, wanted = _existing(params, context), params["FaceIds"]
    deleted = context.faces.delete(name, wanted)
    missing = [{"FaceId": id_, "Reasons": ["FACE_NOT_FOUND"]} for id_ in wanted if id_ not in deleted]
    return {**({"DeletedFaces": deleted} if deleted else {}), "UnsuccessfulFaceDeletions": missing}


def start_face_search(params: Params, context: ServiceContext) -> Params:
    """Start a search of the faces of a video."""
    _existing(params, context)
    return start("StartFaceSearch", params, context)


def get_face_search(params: Params, context: ServiceContext) -> Params:
    """Return the state of a search, and a page of its results. The faces of the collection are those of now."""
    job = find("StartFaceSearch", params, context)
    shown, fields = page(job, params, (job.result or {}).get("items", []), context)
    persons = []
    for each in shown:
        found = _first(_matches(bytes.fromhex(each["Signature"]), job.request, context), {"MaxFaces": MAX_FACES})
        person = {"Index": each["Index"], "Face": each["Face"]}
        persons.append({"Timestamp": each["Timestamp"], "Person": person, "FaceMatches": found})
    return {**fields, "Persons": persons}


def _search_work(job: LedgerJob, cloud: AwsClients) -> Params:
    """Find the faces of a video. They are compared when the result is read: a job does not know the collections."""
    footage = watch(job, cloud)
    items = [
        {"Timestamp": sample.start, "Index": index, "Face": _face(patch), "Signature": patch.signature.hex()}
        for sample in footage.samples
        for index, patch in enumerate(face_patches.find(sample.image.copy()))
    ]
    return {"metadata": responses.video_metadata(footage), "items": items}


def _matches(signature: bytes, params: Params, context: ServiceContext) -> list[Params]:
    least = params.get("FaceMatchThreshold", THRESHOLD)
    compared = (
        (face_patches.similarity(signature, stored), face)
        for stored, face in context.faces.faces(params["CollectionId"])
    )
    found = [{"Similarity": alike, "Face": face} for alike, face in compared if alike >= least]
    return sorted(found, key=lambda match: (-match["Similarity"], match["Face"]["FaceId"]))


def _first(matches: list[Params], params: Params) -> list[Params]:
    return matches[: params.get("MaxFaces", MAX_FACES)]


def _face(patch: FacePatch) -> Params:
    left, top, width, height = patch.box
    box = {"Left": left, "Top": top, "Width": width, "Height": height}
    return {"BoundingBox": box, "Confidence": patch.confidence}


def _image_id(patches: Iterable[FacePatch]) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, " ".join(patch.signature.hex() for patch in patches)))


def _existing(params: Params, context: ServiceContext) -> str:
    name: str = params["CollectionId"]
    if context.faces.created_at(name) is None:
        raise ServiceError("ResourceNotFoundException", f"The collection id: {name} does not exist")
    return name


def _arn(name: str, context: ServiceContext) -> str:
    return f"aws:rekognition:{context.cloud.region}:000000000000:collection/{name}"


OPERATIONS: Mapping[str, Callable[[Params, ServiceContext], Params]] = {
    "CreateCollection": create_collection,
    "DescribeCollection": describe_collection,
    "IndexFaces": index_faces,
    "SearchFaces": search_faces,
    "SearchFacesByImage": search_faces_by_image,
    "ListFaces": list_faces,
    "DeleteFaces": delete_faces,
    "StartFaceSearch": start_face_search,
    "GetFaceSearch": get_face_search,
}
JOBS: Mapping[str, JobKind] = {"StartFaceSearch": JobKind(_search_work, VIDEO_JOBS.announce)}
SYNTHETIC = frozenset({"IndexFaces", "SearchFaces", "SearchFacesByImage", "GetFaceSearch", "ListFaces"})
