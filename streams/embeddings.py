"""The port to models that embed texts as vectors. It is independent of the vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from headrace.schemas.records import Charge

TITAN_V2 = "amazon.titan-embed-text-v2:0"
DIMENSIONS: Mapping[str, tuple[int, ...]] = MappingProxyType({TITAN_V2: (256, 512, 1024)})
"""The models, and the numbers of dimensions that each offers.

Source: Amazon Bedrock User Guide, "Amazon Titan Text Embeddings models".
"""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A model and the number of dimensions of its vectors. Only vectors of the same model can be compared.

    Raises ValueError if the model is unknown or does not offer the number.
    """

    name: str
    dimensions: int

    def __str__(self) -> str:
        return f"{self.name}, {self.dimensions} dimensions"

    def __post_init__(self) -> None:
        if self.name not in DIMENSIONS:
            raise ValueError(f"model = {self.name!r}: use {' or '.join(DIMENSIONS)}")
        if self.dimensions not in DIMENSIONS[self.name]:
            offered = ", ".join(map(str, DIMENSIONS[self.name]))
            raise ValueError(f"dimensions = {self.dimensions}: {self.name} offers {offered}")


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of a text, with length 1, and the number of tokens of the text."""

    vector: tuple[float, ...]
    tokens: int


class TextEmbedder(Protocol):
    """Embed texts as vectors: those of texts with a similar meaning are near each other."""

    async def embed(self, text: str, model: EmbeddingModel) -> Embedding:
        """Return the vector of a text.

        Raises:
            PermanentError: `too_large`: the model does not accept a text of this length.
        """
        ...

    def charge(self, model: EmbeddingModel, tokens: int) -> Charge:
        """Return the charge for calls with this number of tokens in all."""
        ...
