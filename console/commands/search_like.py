"""`headrace search --like`: the vector of a text or of an asset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from headrace.console.search.request import LikeFilter
    from headrace.console.views.database import Views
    from headrace.streams.embeddings import EmbeddingModel

SCHEME = "s3://"


def like_filter(views: Views, like: str) -> LikeFilter:
    """Return the vector to search for. A text is embedded with one paid call, whose price is printed.

    Raises:
        CommandError: no stage embeds passages, or the call failed.
        InvalidSearchError: the asset has no vectors, or the views have none of the model.
    """
    from headrace.console.search.like import check_model, embed_query, like_asset
    from headrace.streams.costs.prices import load_price_list
    from headrace.streams.errors import StageError

    if like.startswith(SCHEME):
        bucket, _, key = like.removeprefix(SCHEME).partition("/")
        if not bucket or not key:
            raise CommandError(f"--like {like}: write an asset as s3://bucket/key")
        with views.connect() as connection:
            return like_asset(connection, bucket, key)
    model, prices = _model(), load_price_list()
    with views.connect() as connection:
        check_model(connection, model)
    try:
        found = embed_query(like, model, prices)
    except StageError as error:
        raise CommandError(f"--like needs one call of {model.name} on Bedrock, and it failed: {error}") from error
    print_line(f"1 call of {model.name}: {found.charge.units * 1000:.0f} tokens, ${found.charge.usd:.9f}", error=True)
    return found.like


def _model() -> EmbeddingModel:
    """Return the model of the pipeline file."""
    from headrace.streams import pipeline

    models = [stage.embeds for stage in pipeline.stages(pipeline.load_config()) if stage.embeds is not None]
    if not models:
        names = " or ".join(f"[stages.{stage.name}]" for stage in pipeline.all_stages() if stage.embeds is not None)
        raise CommandError(
            f"--like TEXT needs the model of a stage that is off: set on = true in {names} of the file of "
            "HEADRACE_PIPELINE. --like s3://bucket/key needs no call"
        )
    return models[0]
