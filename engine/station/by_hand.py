"""Hardware that was driven by hand: a mark in the station's data, from the first command to the next cleanup.

It is a file of its own for each batch and no result: nothing was tested. A batch's process makes it before the command
is given, so that whatever dies afterwards, the hardware is known to be as somebody left it; and finishes it with what
the cleanup came to, for the audit log of the master that finds it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from engine.events import NO_DATA
from engine.station.durable import write_whole

_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Mark:
    """``parameters`` are the batch's, which the cleanup may need. ``steps`` None: nobody has cleaned up yet."""

    batch_id: str
    since: str  # ISO 8601, UTC
    command: str  # the first one, as in psu.on
    parameters: Mapping[str, Any] = field(default_factory=lambda: NO_DATA, hash=False)
    reason: str = ""  # of the cleanup
    steps: tuple[Mapping[str, Any], ...] | None = field(default=None, hash=False)  # step, verdict, error

    def cleaned(self, reason: str, steps: tuple[Mapping[str, Any], ...]) -> Self:
        """The same, once the cleanup is done."""
        return replace(self, reason=reason, steps=steps)

    @property
    def is_owed(self) -> bool:
        """Whether the cleanup is still to come."""
        return self.steps is None


def keep(folder: Path, mark: Mark) -> None:
    """Keep a mark in place of the batch's last one, durable when it returns. Raises OSError."""
    plain = {**{name: getattr(mark, name) for name in mark.__slots__}, "parameters": dict(mark.parameters)}
    write_whole(_file(folder, mark.batch_id), json.dumps(plain, ensure_ascii=False, default=str).encode())


def drop(folder: Path, batch_id: str) -> None:
    """The batch's hardware is as a cleanup has left it, or nobody minds. Raises OSError."""
    _file(folder, batch_id).unlink(missing_ok=True)


def find(folder: Path, batch_id: str) -> Mark | None:
    """A batch's mark. One that cannot be read owes a cleanup all the same."""
    file = _file(folder, batch_id)
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        return Mark(**{**raw, "steps": None if raw["steps"] is None else tuple(raw["steps"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Mark(batch_id, _UNKNOWN, _UNKNOWN)


def marked(folder: Path) -> list[str]:
    """The batches that have a mark."""
    return sorted(file.name.removesuffix(".json") for file in folder.glob("*.json"))


def _file(folder: Path, batch_id: str) -> Path:
    return folder / f"{batch_id}.json"
