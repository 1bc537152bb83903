"""Puts the compiled shapes of a profile together: the layout that a parser of lines or of frames works by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsers.framed import FrameLayout
from parsers.lines import LineLayout
from parsers.packets import INCOMPLETE, REFUSED, Packet, Verdict
from parsers.profile.framing import Framing
from parsers.profile.shape import Decode, Shape
from parsers.reading import Reading


def line_layout(profile: Mapping[str, Any], framing: Framing, shapes: tuple[Shape, ...]) -> LineLayout:
    """A layout of lines. Where there are several lengths, a device is held to the fixed one that it keeps."""
    return LineLayout(
        line_decoder(shapes),
        max(shape.longest for shape in shapes),
        tuple(profile["frame"].get("trusted", ())),
        _fixed(shapes),
        framing.is_seven_bit,
        framing.end,
    )


def _fixed(shapes: tuple[Shape, ...]) -> tuple[int, ...]:
    """The lengths to hold a device to: those of weights at positions, where no checksum tells that a byte was lost."""
    weights = [shape for shape in shapes if shape.has_value and not shape.has_checksum]
    if len({length for shape in weights for length in (shape.shortest, shape.longest)}) < 2:  # noqa: PLR2004 - no choice
        return ()
    return tuple(sorted({shape.longest for shape in weights if shape.is_fixed}, reverse=True))


def line_decoder(shapes: tuple[Shape, ...]) -> Decode:
    """The first shape that fits the whole line."""
    longest = max(shape.longest for shape in shapes)
    by_length: list[tuple[Decode, ...]] = [
        tuple(shape.decode for shape in shapes if shape.shortest <= length <= shape.longest)
        for length in range(longest + 1)
    ]

    def decode(text: bytes, raw: bytes) -> Reading | None:
        length = len(text)
        if length > longest:
            return None
        for shape in by_length[length]:
            reading = shape(text, raw)
            if reading is not None:
                return reading
        return None

    return decode


def frame_layout(framing: Framing, shapes: tuple[Shape, ...]) -> FrameLayout:
    """A layout of frames that begin with a start."""
    fixed = tuple(sorted((shape for shape in shapes if shape.is_fixed), key=lambda shape: shape.longest))
    varying = tuple(shape for shape in shapes if not shape.is_fixed)
    start, end = framing.start, framing.end

    def match(text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        head = text[at : at + len(start)]
        if head != start:
            return INCOMPLETE if start.startswith(head) and len(head) < len(start) else REFUSED
        one, other = _match_fixed(fixed, text, at, raw), _match_varying(varying, end, len(start), text, at, raw)
        if isinstance(one, Packet) and isinstance(other, Packet):
            return one if one.length <= other.length else other
        # A frame that is whole is shorter than one that is not: nothing that comes later can change what stands here.
        for found in (one, other):
            if isinstance(found, Packet):
                return found
        return INCOMPLETE if INCOMPLETE in (one, other) else REFUSED

    shortest = min(shape.shortest for shape in shapes)
    longest = max(shape.longest for shape in shapes)
    is_checked = all(shape.has_checksum for shape in shapes)
    return FrameLayout(start, match, shortest, longest, is_checked, framing.is_seven_bit, _fixed(shapes))


def _match_fixed(shapes: tuple[Shape, ...], text: bytes, at: int, raw: bytes) -> Packet | Verdict:
    available = len(text) - at
    verdict = REFUSED
    for shape in shapes:  # the shortest first
        stop = at + shape.longest
        if shape.longest <= available:
            reading = shape.decode(text[at:stop], raw[at:stop])
            if reading is not None:
                return Packet(shape.longest, (reading,))
        elif shape.may_begin(text, at):
            verdict = INCOMPLETE
    return verdict


def _match_varying(
    shapes: tuple[Shape, ...], end: bytes, lead: int, text: bytes, at: int, raw: bytes
) -> Packet | Verdict:
    if not shapes:
        return REFUSED
    longest = max(shape.longest for shape in shapes)
    found = text.find(end, at + lead, at + longest)
    if found < 0:
        return INCOMPLETE if len(text) - at < longest else REFUSED
    stop = found + len(end)
    for shape in shapes:
        if shape.shortest <= stop - at <= shape.longest:
            reading = shape.decode(text[at:stop], raw[at:stop])
            if reading is not None:
                return Packet(stop - at, (reading,))
    return REFUSED
