"""Why a frame gives no reading, as far as it can be told: for whoever writes a profile with the manual beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from parsers.profile.checksums import checksum_of
from parsers.profile.framing import Framing
from parsers.profile.positions import PositionShape
from parsers.profile.problem import Problems
from parsers.profile.shape import Shape
from parsers.profile.text import span_of

_Why = tuple[str, dict[str, object]]  # the code of a problem, and its parameters


class _Shapes(NamedTuple):
    """One shape as it is written and as it was compiled."""

    spec: Mapping[str, Any]
    made: Shape


def why_refused(profile: Mapping[str, Any], framing: Framing, shapes: Sequence[Shape], frame: bytes) -> _Why | None:
    """What keeps a frame from being one of a sound profile's: its length, a byte, or its checksum. None: unknown."""
    text = bytes(byte & 0x7F for byte in frame) if framing.is_seven_bit else frame
    pairs = [_Shapes(spec, made) for spec, made in zip(profile["shapes"], shapes, strict=True)]
    fitting = [one for one in pairs if one.made.shortest <= len(text) <= one.made.longest]
    if not fitting:
        lengths = [f"{one.shortest}-{one.longest}" if one.shortest < one.longest else one.longest for one in shapes]
        return "profile-golden-length", {"length": len(text), "lengths": list(dict.fromkeys(lengths))}
    for one in fitting:
        found = _checksum(one.spec, framing, profile.get("units"), text)
        if found is not None:
            return found
    return _byte([one.made for one in fitting], text)


def _checksum(spec: Mapping[str, Any], framing: Framing, units: object, text: bytes) -> _Why | None:
    """Whether the frame would be one, were it not for its checksum."""
    given, over = (span_of(spec.get("checksum", {}).get(key)) for key in ("at", "over"))
    if given is None or over is None:
        return None
    bare = {key: value for key, value in spec.items() if key != "checksum"}
    if PositionShape(bare, framing, units, (), Problems()).compile().decode(text, text) is None:
        return None
    wanted = checksum_of(spec["checksum"])(text[slice(*over)])
    if wanted is None:
        return None
    return "profile-golden-checksum", {"given": _shown(text[slice(*given)]), "wanted_checksum": _shown(wanted)}


def _byte(shapes: Sequence[Shape], text: bytes) -> _Why | None:
    """The first byte that the shape does not allow which goes furthest."""
    firsts = [_first_wrong(one, text) for one in shapes]
    if not firsts or None in firsts:
        return None
    at = max(first for first in firsts if first is not None)
    return "profile-golden-byte", {"at": at + 1, "byte": _shown(text[at : at + 1])}


def _first_wrong(shape: Shape, text: bytes) -> int | None:
    allowed = enumerate(shape.classes or ())
    return next((at for at, of in allowed if of is not None and text[at] not in of), None)


def _shown(data: bytes) -> str:
    """As a profile writes it."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in data)  # noqa: PLR2004 - ASCII
