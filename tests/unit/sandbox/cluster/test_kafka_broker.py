"""Tests of server.properties."""

from __future__ import annotations

from headrace.sandbox.cluster.kafka_broker import BrokerNode, properties

FIRST, SECOND, THIRD = (BrokerNode(number, 21_000 + number, 22_000 + number) for number in (1, 2, 3))


def written_properties(node: BrokerNode, *quorum: BrokerNode) -> dict[str, str]:
    return dict(line.split("=", 1) for line in properties(node, quorum).splitlines())


def test_listens_on_localhost_only() -> None:
    found = written_properties(FIRST, FIRST)
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:21001,CONTROLLER://127.0.0.1:22001"
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:21001"


def test_single_node_has_replication_factor_one() -> None:
    found = written_properties(FIRST, FIRST)
    copies = {name: value for name, value in found.items() if name.endswith(("replication.factor", "isr", "replicas"))}
    assert len(copies) == 7
    assert set(copies.values()) == {"1"}


def test_three_nodes_are_voters_and_need_two_in_sync_replicas() -> None:
    for node in (FIRST, SECOND, THIRD):
        found = written_properties(node, FIRST, SECOND, THIRD)
        assert found["controller.quorum.voters"] == "1@127.0.0.1:22001,2@127.0.0.1:22002,3@127.0.0.1:22003"
        assert found["default.replication.factor"] == found["offsets.topic.replication.factor"] == "3"
        assert found["min.insync.replicas"] == "2"


def test_topics_are_not_created_automatically() -> None:
    assert written_properties(FIRST, FIRST)["auto.create.topics.enable"] == "false"


def test_paths_are_relative() -> None:
    assert written_properties(FIRST, FIRST)["log.dirs"] == "log"


def test_clients_use_the_advertised_port() -> None:
    found = written_properties(BrokerNode(1, 21_001, 22_001, 23_001), FIRST)
    assert found["listeners"].startswith("PLAINTEXT://127.0.0.1:21001,")
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:23001"
