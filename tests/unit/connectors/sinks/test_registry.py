"""A sink kind is one file and one line of the registry; other packages add kinds by an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks import registry
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings
from headrace.connectors.sinks.registry import BUILT_IN, create_sink, sink_kind, sink_names, sink_of_arn
from headrace.console.routing.eventbridge_json import imported
from headrace.schemas.delivery import Delivery
from headrace.streams.routing.rule import parse

ROOT = Path(__file__).parents[4]
DOCUMENT = {"reads": ["media.ready"], "target": {"third": "arn:aws:third:eu-central-1:111122223333:x"}}


def third_sink(address: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    async def deliver(delivery: Delivery) -> None:
        """Accept the delivery."""

    return deliver


THIRD = SinkKind("third", third_sink, arn_service="third")
NOT_A_SINK = "third"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Register the kind `third` by an entry point."""
    points = {"third": "THIRD", "broken": "NOT_A_SINK"}
    found = [EntryPoint(name, f"{__name__}:{attribute}", registry.GROUP) for name, attribute in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found)
    registry._registered.cache_clear()
    yield "third"
    registry._registered.cache_clear()


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_kind_has_the_name_it_is_registered_under(name: str) -> None:
    assert sink_kind(name).name == name


@pytest.mark.parametrize("name", BUILT_IN)
def test_rules_accept_every_registered_kind(name: str) -> None:
    rule = parse("a", {"reads": ["media.ready"], "target": {name: "address"}}, sink_names())
    assert rule.target.kind == name


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_kind_is_named_in_its_own_file_and_the_registry_alone(name: str) -> None:
    own = BUILT_IN[name].partition(":")[0].rpartition(".")[2]
    tables = [ROOT / "streams" / "routing", ROOT / "console" / "routing", ROOT / "connectors" / "sinks"]
    naming = {
        file.name
        for folder in tables
        for file in folder.glob("*.py")
        if f'SinkKind("{name}"' in file.read_text("utf-8")
    }
    assert naming == {f"{own}.py"}


def test_arn_services_are_unique() -> None:
    services = [kind.arn_service for kind in map(sink_kind, BUILT_IN) if kind.arn_service]
    assert len(set(services)) == len(services)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sns:eu-central-1:111122223333:t", "sns"),
        ("arn:aws:events:eu-central-1:111122223333:event-bus/b", "eventbridge"),
        ("arn:aws:kinesis:eu-central-1:111122223333:s", None),
        ("https://example.com", None),
    ],
)
def test_arn_selects_a_kind(arn: str, name: str | None) -> None:
    kind = sink_of_arn(arn)
    assert (kind and kind.name) == name


def test_unknown_kind_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(InvalidTargetError, match="kafka: unknown sink; known: sns, sqs"):
        create_sink("kafka", "x", {}, AwsSession())


async def test_third_party_kind_works_in_rules_sinks_and_eventbridge_import(third_party: str) -> None:
    assert parse("a", DOCUMENT, sink_names()).target.kind == third_party
    await create_sink(third_party, "x", {}, AwsSession())(Delivery("id", "k", "{}", "t", "s"))
    described = {"Name": "r", "EventPattern": "{}", "Targets": [{"Arn": "arn:aws:third:eu-central-1:111122223333:x"}]}
    assert 'third = "arn:aws:third' in imported(described, ["media.ready"])["r"]


def test_entry_point_to_another_object_is_rejected(third_party: str) -> None:
    with pytest.raises(InvalidTargetError, match="NOT_A_SINK: not a SinkKind named 'broken'"):
        sink_kind("broken")
