"""What the words of a profile say about a weight, and what a frame's codes say together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from parsers.reading import Mode, Status


class Facts(NamedTuple):
    """All that a frame says beside its number."""

    is_stable: bool | None = None
    status: Status = "ok"
    mode: Mode | None = None
    is_zero: bool | None = None
    is_negative: bool | None = None
    unit: str | None = None
    decimals: int | None = None


# What each word of a profile sets. One that sets a status says that the frame carries no weight.
WORDS: Final[dict[str, tuple[str, Any]]] = {
    "stable": ("is_stable", True),
    "motion": ("is_stable", False),
    "gross": ("mode", "gross"),
    "net": ("mode", "net"),
    "count": ("mode", "count"),
    "zero": ("is_zero", True),
    "not_zero": ("is_zero", False),
    "positive": ("is_negative", False),
    "negative": ("is_negative", True),
    "overload": ("status", "overload"),
    "underload": ("status", "underload"),
    "no_weight_in_motion": ("status", "motion"),
    "error": ("status", "error"),
    "syntax_error": ("status", "syntax_error"),
    "unknown_command": ("status", "unknown_command"),
    "no_signal": ("status", "no_signal"),
    "echo_probe": ("status", "echo_probe"),
}
# When a frame says several at once, the later in this list holds: an overloaded scale is in motion as well.
_GRAVITY: Final[tuple[Status, ...]] = (
    "ok",
    "motion",
    "echo_probe",
    "no_signal",
    "underload",
    "overload",
    "unknown_command",
    "syntax_error",
    "error",
)


def says_no_weight(words: Iterable[str]) -> bool:
    """Whether any of the words means that the frame carries no weight."""
    return any(WORDS[word][0] == "status" for word in words)


def facts_of(words: Iterable[str], unit: str | None = None, decimals: int | None = None) -> Facts:
    """What the words say together. What moves is not stable, whatever else is said; the gravest status holds."""
    said: dict[str, Any] = {"status": "ok"}
    for word in words:
        name, value = WORDS[word]
        if name == "is_stable":
            value = value and said.get(name, True)
        elif name == "status" and _GRAVITY.index(value) < _GRAVITY.index(said["status"]):
            continue
        said[name] = value
    if said["status"] not in ("ok", "echo_probe"):
        said["is_stable"] = False
    if unit == "pcs":
        said.setdefault("mode", "count")
    return Facts(**said, unit=unit, decimals=decimals)
