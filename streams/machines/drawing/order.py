"""The order of nodes within their ranks, with few crossings of edges: the median method, in sweeps."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from headrace.streams.machines.drawing.ranks import Ranking

SWEEPS = 16
MAX_SWEPT = 4_000
"""Larger layouts keep the first order."""


def neighbours(ranking: Ranking) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each node those above and those below that it is connected with."""
    above: list[list[int]] = [[] for _ in ranking.ranks]
    below: list[list[int]] = [[] for _ in ranking.ranks]
    for route in ranking.routes:
        for upper, lower in pairwise(route.nodes):
            below[upper].append(lower)
            above[lower].append(upper)
    return above, below


def order_layers(ranking: Ranking, start: int) -> list[list[int]]:
    """Return the nodes of each rank from left to right."""
    above, below = neighbours(ranking)
    layers = _first_order(ranking, below, start)
    best, fewest = layers, count_crossings(layers, below)
    for sweep in range(SWEEPS if len(ranking.ranks) <= MAX_SWEPT else 0):
        if not fewest:
            break
        layers = _swept(layers, above if sweep % 2 == 0 else below, downwards=sweep % 2 == 0)
        crossings = count_crossings(layers, below)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _first_order(ranking: Ranking, below: list[list[int]], start: int) -> list[list[int]]:
    """Order the nodes as a depth-first search meets them, which keeps the branches of a state side by side."""
    layers: list[list[int]] = [[] for _ in range(max(ranking.ranks, default=-1) + 1)]
    seen = [False] * len(ranking.ranks)
    for first in [start, *range(len(ranking.ranks))]:
        pending = [first]
        while pending:
            node = pending.pop()
            if not seen[node]:
                seen[node] = True
                layers[ranking.ranks[node]].append(node)
                pending += reversed(below[node])
    return layers


def _swept(layers: list[list[int]], fixed: list[list[int]], *, downwards: bool) -> list[list[int]]:
    """Return the layers, each ordered by the medians of its neighbours in the layer before."""
    result = [list(layer) for layer in layers]
    numbers = range(1, len(result)) if downwards else range(len(result) - 2, -1, -1)
    for number in numbers:
        positions = {node: at for at, node in enumerate(result[number - 1 if downwards else number + 1])}
        keys = {
            node: median([positions[each] for each in fixed[node]]) if fixed[node] else float(at)
            for at, node in enumerate(result[number])
        }
        result[number].sort(key=keys.__getitem__)
    return result


def count_crossings(layers: Sequence[Sequence[int]], below: list[list[int]]) -> int:
    """Count the crossings between neighbouring layers."""
    total = 0
    for upper, lower in pairwise(layers):
        positions = {node: at for at, node in enumerate(lower)}
        ends: list[int] = []
        for node in upper:
            targets = sorted(positions[each] for each in below[node])
            total += sum(len(ends) - bisect_left(ends, target + 1) for target in targets)
            for target in targets:
                insort(ends, target)
    return total
