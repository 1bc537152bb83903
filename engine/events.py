"""What a statechart is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_DATA: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a dotted name (``weight.read``) and the values a chart declares for it."""

    name: str
    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA)
    origin: str = ""  # the machine, device or service it comes from; for traces and logs
