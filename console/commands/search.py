"""`headrace search`: find assets by what is spoken, visible and written in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.search.request import AssetMatch, Moment, SearchPage, SearchRequest
    from headrace.console.terminal.screen import Text

OptionalTexts = list[str] | None
KINDS = ("image", "video", "audio", "other")


def search(
    text: Annotated[str, typer.Argument(help='Words, "a phrase", begin*, -excluded, a OR b.', show_default=False)] = "",
    like: Annotated[
        str,
        typer.Option(
            metavar="TEXT|ASSET",
            help="Passages with a similar meaning: like a text, for the price of one call, or like s3://bucket/key.",
            show_default=False,
        ),
    ] = "",
    label: Annotated[OptionalTexts, typer.Option(help="Assets with this label; repeatable.")] = None,
    celebrity: Annotated[OptionalTexts, typer.Option(help="Assets with this known person; repeatable.")] = None,
    person: Annotated[
        OptionalTexts, typer.Option(help="Assets with this person of `headrace faces`; repeatable.")
    ] = None,
    entity: Annotated[
        OptionalTexts, typer.Option(help="Assets whose text has this name, or a name of this type such as PERSON.")
    ] = None,
    pii: Annotated[OptionalTexts, typer.Option(help="Assets with personal data of this kind, such as EMAIL.")] = None,
    moderation: Annotated[OptionalTexts, typer.Option(help="Assets with this moderation label or category.")] = None,
    fault: Annotated[
        OptionalTexts,
        typer.Option(help="Assets with this technical fault, such as black, or with any: failed."),
    ] = None,
    face: Annotated[bool, typer.Option("--face", help="Assets with a face.")] = False,
    text_in_video: Annotated[
        bool, typer.Option("--text-in-video", help="Search only text that is visible in the picture.")
    ] = False,
    min_confidence: Annotated[float | None, typer.Option(help="Minimum confidence, 0 to 100.")] = None,
    language: Annotated[str, typer.Option(help="Language of the text, such as en or en-US.")] = "",
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")] = "",
    bucket: Annotated[str, typer.Option(help="Assets of this bucket.")] = "",
    prefix: Annotated[str, typer.Option(help="Assets whose key begins so.")] = "",
    since: Annotated[str, typer.Option(help="Assets uploaded at this time (ISO 8601, UTC) or later.")] = "",
    until: Annotated[str, typer.Option(help="Assets uploaded before this time.")] = "",
    has: Annotated[OptionalTexts, typer.Option(metavar="STAGE", help="Assets with a result of this stage.")] = None,
    missing: Annotated[OptionalTexts, typer.Option(metavar="STAGE", help="Assets without a result of it.")] = None,
    failed: Annotated[OptionalTexts, typer.Option(metavar="STAGE", help="Assets with its dead letter.")] = None,
    limit: Annotated[int, typer.Option(help="Assets of a page, at most 100.")] = 20,
    after: Annotated[str, typer.Option(metavar="TOKEN", help="Continue after a page.", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find assets by what is spoken, visible and written in them, with the moment. Best matches first."""
    from headrace.console.commands.backfill import parse_time
    from headrace.console.search.request import DetectionFilter, SearchRequest
    from headrace.console.views.asset_filter import SearchScope

    if kind and kind not in KINDS:
        raise CommandError(f"--kind {kind}: use one of {', '.join(KINDS)}")
    _check_stages([*(has or ()), *(missing or ()), *(failed or ())])
    times = [parse_time(*option) for option in (("--since", since), ("--until", until))]
    named = (
        ("label", label),
        ("celebrity", celebrity),
        ("person", person),
        ("entity", entity),
        ("pii", pii),
        ("moderation", moderation),
        ("fault", fault),
    )
    detections = [DetectionFilter(name, value) for name, values in named for value in _names(name, values)]  # type: ignore[arg-type]
    detections += [DetectionFilter("face")] if face else []
    detections += [DetectionFilter("text-in-video")] if text_in_video else []
    request = SearchRequest(
        text=text,
        detections=tuple(detections),
        kinds=("text-in-video",) if text_in_video else (),
        min_confidence=min_confidence,
        language=language,
        assets=SearchScope(
            bucket=bucket,
            prefix=prefix,
            kind=kind,
            since=times[0].timestamp() if times[0] else None,
            until=times[1].timestamp() if times[1] else None,
            has=tuple(has or ()),
            missing=tuple(missing or ()),
            failed=tuple(failed or ()),
        ),
        limit=limit,
        after=after,
    )
    page = _answer(request, like.strip())
    if as_json:
        print_json(page_json(page))
        return
    show(page)


def page_json(page: SearchPage) -> dict[str, object]:
    """Return a page as JSON data."""
    from dataclasses import asdict

    return asdict(page)


def show(page: SearchPage) -> None:
    """Print the assets of a page with their moments."""
    from headrace.console.terminal.screen import Console

    console = Console()
    for asset in page.assets:
        for line in lines(asset):
            console.print(line, soft_wrap=True)
    if not page.assets:
        print_line("no matches")
    if not page.complete:
        print_line("there are more matches: only the newest were ranked. Add words or filters.", error=True)
    if page.next:
        print_line(f"next page: --after {page.next}", error=True)


def lines(asset: AssetMatch) -> list[Text]:
    """Return the lines of an asset: its name, and each moment with its location."""
    from headrace.console.terminal import formatting
    from headrace.console.terminal.screen import Text

    count = formatting.pluralize(asset.matches, "passage")
    location = f"s3://{asset.bucket}/{asset.key}"
    found = [Text(f"{location}  {asset.kind or ''}  {count}")]
    found[0].stylize("bold", 0, len(location))
    for moment in asset.moments:
        found.append(Text(f"  {position(moment):>9}  {moment.kind:<13} "))
        found[-1].append(_highlighted(moment))
        found += [
            Text(f"             {label:<13} {url}", "dim")
            for label, url in (("result", moment.result), ("thumbnail", moment.thumbnail))
            if url
        ]
    return found


def position(moment: Moment) -> str:
    """Return the time code or page of a moment; empty without one."""
    if moment.page is not None:
        return f"page {moment.page}"
    if moment.seconds is None:
        return ""
    from headrace.console.terminal.formatting import format_clock

    return format_clock(moment.seconds)


def _highlighted(moment: Moment) -> Text:
    from headrace.console.terminal.screen import Text

    text = Text(moment.excerpt)
    for begin, end in moment.matches:
        text.stylize("bold yellow", begin, end)
    if moment.similarity is not None:
        text.append(f"  similarity {moment.similarity:.2f}", "dim")
    if moment.confidence is not None:
        text.append(f"  {moment.confidence:.0f} %", "dim")
    return text


def _names(kind: str, values: OptionalTexts) -> list[str]:
    for value in values or ():
        if not value.strip():
            raise CommandError(f"--{kind} needs a name")
    return values or []


def _check_stages(names: list[str]) -> None:
    """Reject names of stages that do not exist."""
    if not names:
        return
    from headrace.streams import pipeline

    known = {stage.name for stage in pipeline.all_stages()} | {"completed"}
    for name in names:
        if name not in known:
            raise CommandError(f"no stage {name}; there are {', '.join(sorted(known))}")


def _answer(request: SearchRequest, like: str) -> SearchPage:
    """Search the current views, and print how far they are behind the log."""
    from dataclasses import replace

    from headrace.console.search.request import InvalidSearchError
    from headrace.console.search.search import search as run
    from headrace.console.views.database import open_views

    views = open_views()
    if views is None:
        raise CommandError("there are no views to search: `headrace views run` builds them and keeps them up to date")
    try:
        if like:
            from headrace.console.commands.search_like import like_filter

            request = replace(request, like=like_filter(views, like))
        with views.connect() as connection:
            return run(connection, request)
    except InvalidSearchError as error:
        raise CommandError(str(error)) from error
