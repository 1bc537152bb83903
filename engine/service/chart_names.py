"""How ``chart:`` of a line is read: a shipped chart's name, or a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_CHART_FILE: Final = re.compile(r"[/\\]|\.ya?ml\Z")


def is_chart_file(chart: str) -> bool:
    """Whether ``chart:`` names a file rather than a shipped chart: it has a slash, or ends in .yaml."""
    return _CHART_FILE.search(chart) is not None


def chart_place(chart: str, base_dir: Path) -> str | Path:
    """What ``chart:`` means in a file of ``base_dir``."""
    return base_dir / chart if is_chart_file(chart) else chart
