"""`streams.embeddings.TextEmbedder` over Amazon Titan Text Embeddings on Amazon Bedrock.

Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings G1 - Text".
"""

from __future__ import annotations

import json

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.records import Charge
from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import PriceList
from headrace.streams.embeddings import Embedding, EmbeddingModel
from headrace.streams.errors import PermanentError
from headrace.streams.limits.service_inputs import text_rule

SERVICE, OPERATION = "bedrock-runtime", "InvokeModel"
JSON = "application/json"


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    embedding: tuple[float, ...]
    input_text_token_count: int


class TitanEmbeddings:
    """Embeds texts with Titan."""

    def __init__(self, aws: AwsClient, prices: PriceList) -> None:
        self._aws = aws
        self._prices = prices

    async def embed(self, text: str, model: EmbeddingModel) -> Embedding:
        """Return the vector of a text, with length 1.

        Raises:
            PermanentError: `too_large`: the text exceeds the limit. `invalid_answer`: the answer is not such a vector.
        """
        longest = text_rule(SERVICE, OPERATION).max_characters
        if longest is not None and len(text) > longest:
            raise PermanentError("too_large", f"{len(text):,} characters; {model.name} accepts at most {longest:,}")
        asked = {"inputText": text, "dimensions": model.dimensions, "normalize": True}
        response = await self._aws.call(
            SERVICE, "invoke_model", modelId=model.name, body=json.dumps(asked).encode(), contentType=JSON, accept=JSON
        )
        content: bytes = await self._aws.run(response["body"].read)
        try:
            answer = parse_struct(content, _Answer, strict=False)
        except InvalidValueError as error:
            raise PermanentError("invalid_answer", f"{model.name}: {error}") from error
        if len(answer.embedding) != model.dimensions:
            why = f"{model.name} returned {len(answer.embedding)} dimensions instead of {model.dimensions}"
            raise PermanentError("invalid_answer", why)
        return Embedding(answer.embedding, answer.input_text_token_count)

    def charge(self, model: EmbeddingModel, tokens: int) -> Charge:
        """Return the charge for calls with this number of tokens in all."""
        return self._prices.charge(SERVICE, f"{OPERATION} {model.name}", tokens / 1000)
