"""The layered layout: ranks, crossings, positions without overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.machines.drawing.flowchart import flowchart
from headrace.streams.machines.drawing.layout import MachinePicture, StateBox, lay_out
from headrace.streams.machines.drawing.order import count_crossings, neighbours, order_layers
from headrace.streams.machines.drawing.place import fitted
from headrace.streams.machines.drawing.ranks import DrawingError, Link, rank_nodes
from tests.support.asl_vectors import load_vectors, vector_id

CUSTOMERS = load_vectors("workflows-collection-definitions")
SIZE = (10.0, 10.0)

edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda edge: edge[0] != edge[1]), max_size=30)


@given(edges)
def test_each_part_of_an_edge_leads_to_the_next_rank(drawn: list[tuple[int, int]]) -> None:
    links = [Link(*edge, label=SIZE if sum(edge) % 2 else None) for edge in drawn]
    ranking = rank_nodes([SIZE] * 12, links, 0)
    for link, route in zip(links, ranking.routes, strict=True):
        ends = (link.target, link.source) if route.upwards else (link.source, link.target)
        assert (route.nodes[0], route.nodes[-1]) == ends
        assert all(ranking.ranks[lower] == ranking.ranks[upper] + 1 for upper, lower in pairwise(route.nodes))
        if link.label:
            assert SIZE in [ranking.sizes[node] for node in route.nodes[1:-1]]


def test_order_removes_a_crossing() -> None:
    ranking = rank_nodes([SIZE] * 5, [Link(0, 1), Link(0, 2), Link(1, 4), Link(2, 3)], 0)
    _, below = neighbours(ranking)
    assert count_crossings([[0], [1, 2], [3, 4]], below) == 1
    assert count_crossings(order_layers(ranking, 0), below) == 0


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12))
def test_fitted_positions_keep_their_distances(wanted: list[float]) -> None:
    distances = [10.0] * (len(wanted) - 1)
    positions = fitted(wanted, [1.0] * len(wanted), distances)
    assert all(right - left >= 10 - 1e-6 for left, right in pairwise(positions))
    if all(right - left >= 10 for left, right in pairwise(wanted)):
        assert positions == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("vector", CUSTOMERS, ids=vector_id)
def test_boxes_of_a_machine_do_not_overlap(vector: dict[str, Any]) -> None:
    for picture in pictures(lay_out(flowchart(vector["definition"]))):
        for first, second in combinations(picture.boxes, 2):
            assert not overlap(first, second), (first.state.name, second.state.name)
        for box in picture.boxes:
            assert min(box.at) >= -0.01
            assert box.at[0] + box.size[0] <= picture.size[0] + 0.01
            assert box.at[1] + box.size[1] <= picture.size[1] + 0.01
            for panel in box.panels:
                assert panel.at[0] + panel.picture.size[0] < box.size[0]
                assert panel.at[1] + panel.picture.size[1] < box.size[1]


def pictures(picture: MachinePicture) -> Iterator[MachinePicture]:
    yield picture
    for box in picture.boxes:
        for panel in box.panels:
            yield from pictures(panel.picture)


def overlap(first: StateBox, second: StateBox) -> bool:
    return all(
        first.at[axis] < second.at[axis] + second.size[axis] and second.at[axis] < first.at[axis] + first.size[axis]
        for axis in (0, 1)
    )


def test_machine_that_is_too_large_is_refused() -> None:
    count = 300
    rules = [{"Variable": "$.a", "IsNull": True, "Next": f"s{number}"} for number in range(count)]
    states: dict[str, Any] = {f"s{number}": {"Type": "Pass", "Next": f"s{number + 1}"} for number in range(count)}
    states |= {f"s{count}": {"Type": "Succeed"}, "c": {"Type": "Choice", "Choices": rules}}
    with pytest.raises(DrawingError, match="Draw it as text"):
        lay_out(flowchart({"StartAt": "c", "States": states}))
