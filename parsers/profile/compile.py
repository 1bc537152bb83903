"""A profile, compiled: the protocol that a plain mapping describes, with a parser that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from parsers.framed import FrameLayout, FrameParser
from parsers.lines import LineLayout, LineParser
from parsers.profile.checksums import bits_of
from parsers.profile.framing import Framing, framing_of
from parsers.profile.golden import check_golden, golden_of
from parsers.profile.layout import frame_layout, line_layout
from parsers.profile.pattern import PatternShape
from parsers.profile.positions import PositionShape
from parsers.profile.problem import Path, Problems, ProfileError
from parsers.profile.shape import Shape
from parsers.profile.sound import check_shape
from parsers.profile.text import Span, place_of, to_bytes
from parsers.protocol import LineSettings, ProtocolInfo
from parsers.reading import Parser

Layout = LineLayout | FrameLayout
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}


def compile_profile(profile: Mapping[str, Any]) -> ProtocolInfo:
    """The protocol that a profile describes, its golden frames run.

    ``profile`` fits ``schemas/protocol.schema.json``. Raises ProfileError with everything else that is wrong with it.
    """
    problems = Problems()
    name = str(profile["protocol"])
    layout = _layout(profile, problems)
    info = _info(profile, lambda: layout, problems)
    golden = Problems()  # of its own: what has problems makes no parsers
    if layout is not None and not problems.found:
        check_golden(info.golden, info.factory, lambda frame: _why_refused(profile, frame), golden)
    found = (*problems.found, *golden.found)
    if found:
        raise ProfileError(name, found)
    return info


def _why_refused(profile: Mapping[str, Any], frame: bytes) -> tuple[str, dict[str, object]] | None:
    """What keeps a frame from being read by a profile that is sound but for its golden frames."""
    from parsers.profile.explain import why_refused  # needed only when something is wrong

    problems = Problems()
    framing = framing_of(profile, problems)
    return why_refused(profile, framing, _shapes(profile, framing, problems), frame)


def describe_profile(profile: Mapping[str, Any]) -> ProtocolInfo:
    """The protocol of a profile that is known to be sound: compiled when its first parser is made."""
    problems = Problems()

    @cache
    def layout() -> Layout | None:
        return _layout(profile, problems)

    return _info(profile, layout, problems)


def _info(profile: Mapping[str, Any], layout: Callable[[], Layout | None], problems: Problems) -> ProtocolInfo:
    name = str(profile["protocol"])

    def make() -> Parser:
        made = layout()
        if made is None or problems.found:
            raise ProfileError(name, tuple(problems.found))
        return LineParser(name, made) if isinstance(made, LineLayout) else FrameParser(name, (made,))

    line = profile.get("line", {})
    return ProtocolInfo(
        name,
        str(profile["title"]),
        profile.get("kind", "scale"),
        LineSettings(
            line.get("baudrate", 9600),
            line.get("data_bits", 8),
            _PARITY[line.get("parity", "none")],  # type: ignore[arg-type]
            line.get("stop_bits", 1),
        ),
        make,
        golden_of(profile, problems),
        bool(profile.get("proven", True)),
        to_bytes(profile["ask"], ("ask",), problems) if "ask" in profile else None,
        tuple(profile.get("aliases", ())),
        str(profile.get("title_ko", "")),
        min(bits_of(shape.get("checksum")) for shape in profile["shapes"]),
        _id_place(profile, problems),
    )


def _id_place(profile: Mapping[str, Any], problems: Problems) -> Span | None:
    if "device_id" not in profile:
        return None
    lengths = [shape["length"] for shape in profile["shapes"] if isinstance(shape.get("length"), int)]
    return place_of(profile, "device_id", min(lengths, default=0), (), problems)


def _layout(profile: Mapping[str, Any], problems: Problems) -> Layout | None:
    framing = framing_of(profile, problems)
    if not framing.start and not framing.end:
        problems.add(("frame",), "profile-unframed")
        return None
    made = tuple(_shapes(profile, framing, problems))
    if problems.found or not made:
        return None
    for index, length in enumerate(profile["frame"].get("trusted", ())):
        if not framing.is_line or not any(shape.shortest <= length <= shape.longest for shape in made):
            problems.add(("frame", "trusted", index), "profile-trusted-length", length=length)
    return line_layout(profile, framing, made) if framing.is_line else frame_layout(framing, made)


def _shapes(profile: Mapping[str, Any], framing: Framing, problems: Problems) -> list[Shape]:
    """The shapes that could be compiled: all of them, when nothing is wrong."""
    units = profile.get("units")
    made = [_shape(spec, framing, units, ("shapes", index), problems) for index, spec in enumerate(profile["shapes"])]
    return [shape for shape in made if shape is not None]


def _shape(spec: Mapping[str, Any], framing: Framing, units: object, path: Path, problems: Problems) -> Shape | None:
    check_shape(spec, framing, path, problems)
    if "pattern" in spec:
        return PatternShape(spec, framing, units, path, problems).compile() if framing.end else None
    return PositionShape(spec, framing, units, path, problems).compile() if isinstance(spec["length"], int) else None
