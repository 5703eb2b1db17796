"""First steps of a layered layout: break cycles, assign ranks, and split long edges.

Source: Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_POINTS = 20_000
"""Nodes of a layout, with those of split edges."""


class DrawingError(Exception):
    """A definition cannot be drawn."""


@dataclass(frozen=True, slots=True)
class Link:
    """An edge between two nodes, given by their indices. A label takes a place of its own below the source."""

    source: int
    target: int
    label: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class EdgeRoute:
    """The nodes of an edge from its upper to its lower end. `upwards`: the edge points to its upper end."""

    nodes: tuple[int, ...]
    upwards: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """The rank of each node. Nodes from `real` on are points of edges; their sizes are in `sizes`."""

    ranks: tuple[int, ...]
    sizes: tuple[tuple[float, float], ...]
    real: int
    routes: tuple[EdgeRoute, ...]


def rank_nodes(sizes: Sequence[tuple[float, float]], links: Sequence[Link], start: int) -> Ranking:
    """Assign ranks, and split edges so that each part leads to the next rank. No link may be a loop at a node.

    Raises:
        DrawingError: The layout has more than `MAX_POINTS` nodes.
    """
    upwards = _cycle_links(len(sizes), links, start)
    directed = [
        (link.target, link.source) if number in upwards else (link.source, link.target)
        for number, link in enumerate(links)
    ]
    lengths = [1 if link.label is None else 2 for link in links]
    ranks = _longest_paths(len(sizes), directed, lengths)
    all_ranks, all_sizes, routes = list(ranks), list(sizes), []
    for number, (upper, lower) in enumerate(directed):
        points = range(len(all_ranks), len(all_ranks) + ranks[lower] - ranks[upper] - 1)
        if points.stop > MAX_POINTS:
            raise DrawingError("The machine has too many states and transitions for a picture. Draw it as text.")
        all_ranks += range(ranks[upper] + 1, ranks[lower])
        all_sizes += [(0.0, 0.0)] * len(points)
        label = links[number].label
        if label is not None:
            all_sizes[points[-1] if number in upwards else points[0]] = label
        routes.append(EdgeRoute((upper, *points, lower), number in upwards))
    return Ranking(tuple(all_ranks), tuple(all_sizes), len(sizes), tuple(routes))


def _cycle_links(count: int, links: Sequence[Link], start: int) -> set[int]:
    """Return the links that close a cycle, in a depth-first search without recursion."""
    outgoing: list[list[int]] = [[] for _ in range(count)]
    for number, link in enumerate(links):
        outgoing[link.source].append(number)
    closing: set[int] = set()
    state = [0] * count  # 0 unseen, 1 on the path, 2 done
    for first in [start, *range(count)]:
        if state[first]:
            continue
        state[first] = 1
        path = [(first, iter(outgoing[first]))]
        while path:
            node, numbers = path[-1]
            number = next(numbers, -1)
            target = links[number].target if number >= 0 else node
            if number < 0:
                state[node] = 2
                path.pop()
            elif state[target] == 1:
                closing.add(number)
            elif state[target] == 0:
                state[target] = 1
                path.append((target, iter(outgoing[target])))
    return closing


def _longest_paths(count: int, edges: Sequence[tuple[int, int]], lengths: Sequence[int]) -> list[int]:
    """Return the length of the longest path to each node of a graph without cycles."""
    outgoing: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    waiting = [0] * count
    for (upper, lower), length in zip(edges, lengths, strict=True):
        outgoing[upper].append((lower, length))
        waiting[lower] += 1
    ranks = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    for node in ready:
        for lower, length in outgoing[node]:
            ranks[lower] = max(ranks[lower], ranks[node] + length)
            waiting[lower] -= 1
            if not waiting[lower]:
                ready.append(lower)
    return ranks
