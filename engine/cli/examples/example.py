"""The shape of an example: a small file in which one thing is wrong, and the same file mended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_CHOICE: Final = re.compile(r"‹([^¦›]*)¦([^›]*)›")
CHART: Final = "example.yaml"
SITE: Final = "site.yaml"


@dataclass(frozen=True, slots=True)
class Example:
    """``text`` holds ``‹wrong¦right›`` wherever the two differ; ``beside`` are the files that it needs beside it."""

    text: str
    file: str = CHART
    beside: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def paths(self) -> list[str]:
        """What to check: the file, or the site that it is beside."""
        return [SITE if SITE in self.beside else self.file]

    @property
    def wrong_beside(self) -> dict[str, str]:
        """The files beside the wrong one."""
        return {name: Example(text).wrong for name, text in self.beside.items()}

    @property
    def right_beside(self) -> dict[str, str]:
        """The files beside the right one."""
        return {name: Example(text).right for name, text in self.beside.items()}

    @property
    def wrong(self) -> str:
        """The file with the mistake in it."""
        return _CHOICE.sub(lambda match: match[1], self.text)

    @property
    def right(self) -> str:
        """The file without it."""
        return _CHOICE.sub(lambda match: match[2], self.text)
