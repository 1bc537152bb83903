"""How a profile's frames are cut out of the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsers.profile.problem import Problems
from parsers.profile.text import to_bytes


@dataclass(frozen=True, slots=True)
class Framing:
    """What all frames begin and end with. Without a start they are lines, and a line is whatever ends in ``end``."""

    start: bytes
    end: bytes
    is_seven_bit: bool
    is_reader: bool

    @property
    def is_line(self) -> bool:
        """Whether the stream is cut at its ends alone."""
        return not self.start


def framing_of(profile: Mapping[str, Any], problems: Problems) -> Framing:
    """The framing that a profile says."""
    frame = profile["frame"]
    return Framing(
        to_bytes(frame.get("start", ""), ("frame", "start"), problems),
        to_bytes(frame.get("end", ""), ("frame", "end"), problems),
        bool(frame.get("seven_bit", False)),
        profile.get("kind", "scale") == "reader",
    )
