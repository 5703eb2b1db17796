"""Horizontal positions: each node near the mean of its neighbours, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from headrace.streams.machines.drawing.order import neighbours
from headrace.streams.machines.drawing.ranks import Ranking

GAP = 28.0
"""Pixels between nodes of a rank, unless the caller chooses others."""
POINT_GAP = 18.0
"""Pixels beside a part of an edge."""
SWEEPS = 24
STRAIGHT = 8.0
"""Weight of a connection between two points of an edge, so that long edges become straight."""


def place_nodes(ranking: Ranking, layers: Sequence[Sequence[int]], gap: float = GAP) -> list[float]:
    """Return the horizontal centre of each node, in pixels from 0 at the left end."""
    above, below = neighbours(ranking)
    centres = [0.0] * len(ranking.ranks)
    for layer in layers:
        _set(centres, layer, fitted([0.0] * len(layer), [1.0] * len(layer), _distances(ranking, layer, gap)))
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            both = sweep >= SWEEPS // 2
            wanted, weights = [], []
            for node in layer:
                near = (above[node] + below[node]) if both else (above[node] if downwards else below[node])
                wish, weight = _mean(ranking, node, near, centres)
                wanted.append(wish)
                weights.append(weight)
            _set(centres, layer, fitted(wanted, weights, _distances(ranking, layer, gap)))
    left = min((centres[node] - size[0] / 2 for node, size in enumerate(ranking.sizes)), default=0.0)
    return [centre - left for centre in centres]


def _set(centres: list[float], layer: Sequence[int], values: Sequence[float]) -> None:
    for node, value in zip(layer, values, strict=True):
        centres[node] = value


def _mean(ranking: Ranking, node: int, near: list[int], centres: list[float]) -> tuple[float, float]:
    """Return the weighted mean of the positions of neighbours, and the weight of this wish."""
    if not near:
        return centres[node], 0.1
    weights = [STRAIGHT if node >= ranking.real and each >= ranking.real else 1.0 for each in near]
    total = sum(weights)
    return sum(weight * centres[each] for weight, each in zip(weights, near, strict=True)) / total, total


def _distances(ranking: Ranking, layer: Sequence[int], gap: float) -> list[float]:
    """Return the minimum distance of the centres of each node and the next one."""
    result = []
    for left, right in pairwise(layer):
        between = gap if left < ranking.real and right < ranking.real else min(gap, POINT_GAP)
        result.append((ranking.sizes[left][0] + ranking.sizes[right][0]) / 2 + between)
    return result


def fitted(wanted: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Return positions with minimum distances whose weighted squared deviations from `wanted` are smallest.

    Isotonic regression by pooling adjacent violators: O(n).
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of nodes
    for wish, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, total, count = wish - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_total, other_count = blocks.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total, count = total + other_total, count + other_count
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
