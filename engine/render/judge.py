"""Judges a layout: how many lines cross, what they run over, and whether the whole has a shape that can be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final, NamedTuple

Point = tuple[float, float]
Line = tuple[tuple[Point, ...], frozenset[str]]
"""The points of a curve, and the names of the nodes that it may touch."""

_PIECES: Final = 6  # straight pieces that stand for one Bezier piece
_CROSSING: Final = 2500.0  # px of line that one crossing is worth avoiding
_OVER_BOX: Final = 900.0
_BESIDE_BOX: Final = 60.0  # for each point of a line that is too near to a box it has nothing to do with
_TRESPASS: Final = 900.0  # for running through a compound state that has nothing to do with the line
_TOO_NEAR: Final = 5.0
_STUB: Final = 14.0  # a shorter line has no room for its arrow
_IS_STUB: Final = 250.0
_OVER_HEADER: Final = 120.0
_DISORDER: Final = 200.0  # parallel regions that stand in another order than they are written in
_NEAR: Final = 8.0  # px around a box in which the lines that end there may touch
_WIDEST: Final = 1500.0  # px that are still read without scrolling
_BEST_RATIO: Final = 1.2  # width to height


class Rect(NamedTuple):
    """An upright rectangle from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def contains(self, point: Point) -> bool:
        """Whether a point is inside, not on the border."""
        return self.x < point[0] < self.x + self.width and self.y < point[1] < self.y + self.height

    def overlaps(self, other: Rect) -> bool:
        """Whether the two have a point in common."""
        return (
            self.x <= other.x + other.width
            and other.x <= self.x + self.width
            and self.y <= other.y + other.height
            and other.y <= self.y + self.height
        )

    def grown(self, by: float) -> Rect:
        """Wider by so much on all sides."""
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


class Verdict(NamedTuple):
    """How bad a picture is, in px of line (less is better), and how many crossings were counted into it."""

    badness: float
    crossings: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What is judged.

    ``regions`` are the parallel regions of each parallel state, in document order; ``areas`` the compound states, each
    with the names of the boxes in it.
    """

    width: float
    height: float
    lines: Sequence[Line]
    boxes: Mapping[str, Rect]
    headers: Sequence[Rect] = ()
    regions: Sequence[Sequence[Rect]] = ()
    areas: Sequence[tuple[Rect, frozenset[str]]] = ()


def judge(picture: Picture) -> Verdict:
    """Weigh everything that makes a picture hard to read."""
    lines = [_Flat.of(line) for line in picture.lines]
    lengths = [sum(math.dist(a, b) for a, b in pairwise(line.points)) for line in lines]
    crossed = _crossings(lines, picture.boxes)
    boxes = [(name, box, box.grown(_TOO_NEAR)) for name, box in picture.boxes.items()]
    shape = abs(math.log(max(picture.width, 1.0) / max(picture.height, 1.0) / _BEST_RATIO))
    badness = (
        crossed * _CROSSING
        + sum(_hindrance(line, *box) for line in lines for box in boxes)
        + sum(_trespass(line, *area) for line in lines for area in picture.areas)
        + sum(line.is_in(header) for line in lines for header in picture.headers) * _OVER_HEADER
        + sum(right.x < left.x for row in picture.regions for left, right in pairwise(row)) * _DISORDER
        + sum(length < _STUB for length in lengths) * _IS_STUB
        + sum(lengths)
        + shape * math.sqrt(picture.width * picture.height)
        + 2 * max(0.0, picture.width - _WIDEST)
    )
    return Verdict(badness, crossed)


def crossings(lines: Sequence[Line], boxes: Mapping[str, Rect]) -> int:
    """How often lines cross; two that end at the same box may touch beside it."""
    return _crossings([_Flat.of(line) for line in lines], boxes)


@dataclass(frozen=True, slots=True)
class _Flat:
    """A line as straight pieces, and the rectangle around it."""

    points: tuple[Point, ...]
    ends: frozenset[str]
    around: Rect

    @classmethod
    def of(cls, line: Line) -> _Flat:
        points = tuple(flattened(line[0]))
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return cls(points, line[1], Rect(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))

    def points_in(self, box: Rect) -> int:
        return sum(map(box.contains, self.points)) if self.around.overlaps(box) else 0

    def is_in(self, box: Rect) -> bool:
        return self.points_in(box) > 0


def _hindrance(line: _Flat, name: str, box: Rect, around: Rect) -> float:
    """What is wrong with a line that runs over a box, or too near to one, that it has nothing to do with."""
    if name in line.ends:
        return 0.0
    near = line.points_in(around)
    return near * _BESIDE_BOX + (_OVER_BOX if near and line.is_in(box) else 0.0)


def _trespass(line: _Flat, area: Rect, inside: frozenset[str]) -> float:
    """What is wrong with a line that leaves its compound state for a while, or runs through one of others."""
    if line.ends <= inside:
        return _BESIDE_BOX * (len(line.points) - line.points_in(area.grown(-_TOO_NEAR)))
    if line.ends & inside or not line.around.overlaps(area):
        return 0.0
    left, right, top, bottom = area.x, area.x + area.width, area.y, area.y + area.height
    # Whatever goes in at one side and out at another crosses a diagonal, even where it only cuts off a corner.
    diagonals = (((left, top), (right, bottom)), ((left, bottom), (right, top)))
    return _TRESPASS * sum(_cross(p, q, *diagonal) for p, q in pairwise(line.points) for diagonal in diagonals)


def _crossings(lines: Sequence[_Flat], boxes: Mapping[str, Rect]) -> int:
    count = 0
    for one, two in combinations(lines, 2):
        if one.around.overlaps(two.around):
            shared = [boxes[name].grown(_NEAR) for name in one.ends & two.ends if name in boxes]
            found = [p for p, q in pairwise(one.points) for r, s in pairwise(two.points) if _cross(p, q, r, s)]
            count += sum(not any(rect.contains(point) for rect in shared) for point in found)
    return count


def flattened(points: Sequence[Point]) -> Iterator[Point]:
    """A chain of Bezier pieces as points of a polygon."""
    yield points[0]
    for start in range(0, len(points) - 3, 3):
        p, q, r, s = points[start : start + 4]
        for step in range(1, _PIECES + 1):
            t = step / _PIECES
            u = 1 - t
            yield (
                u**3 * p[0] + 3 * u * u * t * q[0] + 3 * u * t * t * r[0] + t**3 * s[0],
                u**3 * p[1] + 3 * u * u * t * q[1] + 3 * u * t * t * r[1] + t**3 * s[1],
            )


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
