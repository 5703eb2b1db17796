"""The vector of a search by meaning: that of a text, or the mean of those of an asset."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import Connection, select

from headrace.console.search.request import InvalidSearchError, LikeFilter
from headrace.console.views.asset_filter import NEWEST
from headrace.console.views.asset_tables import assets, versions
from headrace.console.views.stored_text import from_stored, to_stored
from headrace.console.views.text_tables import passage_bits, passage_vectors
from headrace.schemas.records import Charge
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.titan import TitanEmbeddings
from headrace.streams.costs.prices import PriceList
from headrace.streams.embeddings import EmbeddingModel
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.passages.vectors import pack_vector, unpack_vector

MOST_OF_AN_ASSET = 2_000
"""Passages of an asset that count, the first ones."""


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """The vector of a text, and the charge for the call."""

    like: LikeFilter
    charge: Charge


def check_model(connection: Connection, model: EmbeddingModel) -> None:
    """Check that the views have vectors of a model.

    Raises:
        InvalidSearchError: they have none, or only those of another model.
    """
    stored = select(passage_bits.c.model).limit(1)
    if connection.scalar(stored.where(passage_bits.c.model == str(model))) is not None:
        return
    other = connection.scalar(stored)
    if other is None:
        raise InvalidSearchError(
            "no passage has a vector yet: a stage that embeds passages must have processed a transcript or document"
        )
    raise InvalidSearchError(
        f"the views have vectors of {from_stored(other)}, and the pipeline file names {model}; vectors of different "
        "models cannot be compared: use the settings of the stored vectors, or `headrace replay rewind` the stage"
    )


def embed_query(text: str, model: EmbeddingModel, prices: PriceList) -> EmbeddedQuery:
    """Embed a text with one call.

    Raises:
        StageError: the call failed.
    """
    aws = AwsClient(1, RateLimits({}, {}))
    try:
        titan = TitanEmbeddings(aws, prices)
        found = asyncio.run(titan.embed(text, model))
    finally:
        aws.close()
    return EmbeddedQuery(LikeFilter(str(model), pack_vector(found.vector)), titan.charge(model, found.tokens))


def like_asset(connection: Connection, bucket: str, key: str) -> LikeFilter:
    """Return the mean of the vectors of an asset.

    Raises:
        InvalidSearchError: it has none.
    """
    columns = passage_bits.c
    query = (
        select(columns.model, passage_vectors.c.vector)
        .join(passage_vectors, passage_vectors.c.passage_id == columns.passage_id)
        .join(versions, versions.c.id == columns.version_id)
        .join(assets, NEWEST)
        .where(assets.c.bucket == to_stored(bucket), assets.c.key == to_stored(key))
        .order_by(columns.passage_id)
        .limit(MOST_OF_AN_ASSET)
    )
    rows = connection.execute(query).all()
    if not rows:
        raise InvalidSearchError(
            f"s3://{bucket}/{key} has no vectors: `headrace trace` shows which stages have processed it"
        )
    model: str = rows[0].model
    vectors = [unpack_vector(row.vector) for row in rows if row.model == model]
    mean = [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]
    return LikeFilter(model, pack_vector(mean), bucket, key)
