"""Amazon Titan Text Embeddings V2 without the model: a vector is the sum of one pseudo-random vector for each word.

Texts that share words, or words with the same beginning, are near each other; synonyms are not.
Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings G1 - Text": members and limits of requests and responses.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from headrace.sandbox.ai.framework import text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.service import Params, ServiceContext
from headrace.streams.limits.service_inputs import text_rule

MODEL = "amazon.titan-embed-text-v2:0"
DIMENSIONS = (256, 512, 1024)
JSON = "application/json"
TYPES = ("float", "binary")
BYTES_A_TOKEN = 4
STEM_LETTERS = 5
STEM_WEIGHT, STOP_WORD_WEIGHT = 0.5, 0.1

_STOP_WORDS = frozenset().union(*text_analysis.STOP_WORDS.values())


def invoke_model(params: Params, _: ServiceContext) -> Params:
    """Return the response of a model, which has a format of its own: the vector of a text. No other model is served."""
    if params["modelId"].rpartition("/")[2] != MODEL:
        raise ServiceError("ValidationException", "The provided model identifier is invalid.")
    for name in ("contentType", "accept"):
        if params.get(name, JSON) not in (JSON, "*/*"):
            raise ServiceError("ValidationException", f"The provided {name} is not supported: use {JSON}.")
    given = _checked(_object(params.get("body", b"")))
    text, dimensions = given["inputText"], given.get("dimensions", DIMENSIONS[-1])
    tokens = max(1, -(-len(text.encode()) // BYTES_A_TOKEN))
    most = text_rule("bedrock-runtime", "InvokeModel").max_tokens or tokens
    if tokens > most:
        raise ServiceError(
            "ValidationException",
            f"400 Bad Request: Too many input tokens. Max input tokens: {most}, request input token count: {tokens} ",
        )
    vector = embed(text, dimensions, given.get("normalize", True))
    found: dict[str, list[Any]] = {"float": vector, "binary": [int(each > 0) for each in vector]}
    by_type = {name: found[name] for name in given.get("embeddingTypes", ["float"])}
    answer: dict[str, Any] = {"inputTextTokenCount": tokens, "embeddingsByType": by_type}
    if "float" in by_type:
        answer["embedding"] = vector
    return {"contentType": JSON, "body": json.dumps(answer).encode()}


def embed(text: str, dimensions: int, normalize: bool = True) -> list[float]:
    """Return the vector of a text."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [text]:
        weight = STOP_WORD_WEIGHT if word in _STOP_WORDS else 1.0
        for feature, share in ((word, weight), (word[:STEM_LETTERS] + "*", weight * STEM_WEIGHT)):
            vector = [value + share * sign for value, sign in zip(vector, _signs(feature, dimensions), strict=True)]
    length = sum(value * value for value in vector) ** 0.5 if normalize else 1.0
    return [round(value / (length or 1.0), 8) for value in vector]


@lru_cache(4_096)
def _signs(feature: str, dimensions: int) -> tuple[int, ...]:
    """Return 1 or -1 for each dimension, the same in every process; fewer dimensions are the first ones."""
    digest = hashlib.shake_128(feature.encode()).digest(dimensions // 8)
    return tuple(1 if byte >> bit & 1 else -1 for byte in digest for bit in range(8))


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _malformed("#: expected type: JSONObject")
    return given


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Check the members of a request as the model does."""
    for reason in _reasons(given):
        raise _malformed(reason)
    return given


def _reasons(given: dict[str, Any]) -> Iterator[str]:
    rule = text_rule("bedrock-runtime", "InvokeModel")
    unknown = given.keys() - {"inputText", "dimensions", "normalize", "embeddingTypes"}
    yield from (f"#: extraneous key [{name}] is not permitted" for name in sorted(unknown))
    if "inputText" not in given:
        yield "#: required key [inputText] not found"
    elif not isinstance(given["inputText"], str):
        yield "#/inputText: expected type: String"
    elif not given["inputText"]:
        yield "#/inputText: expected minLength: 1, actual: 0"
    elif rule.max_characters is not None and len(given["inputText"]) > rule.max_characters:
        yield f"#/inputText: expected maxLength: {rule.max_characters}, actual: {len(given['inputText'])}"
    if given.get("dimensions", DIMENSIONS[0]) not in DIMENSIONS:
        yield f"#/dimensions: {given['dimensions']} is not a valid enum value"
    if not isinstance(given.get("normalize", True), bool):
        yield "#/normalize: expected type: Boolean"
    types = given.get("embeddingTypes", ["float"])
    if not isinstance(types, list) or not types or not all(each in TYPES for each in types):
        yield "#/embeddingTypes: expected a list of float and binary"


def _malformed(reason: str) -> ServiceError:
    return ServiceError(
        "ValidationException", f"Malformed input request: {reason}, please reformat your input and try again."
    )
