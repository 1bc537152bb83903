"""Packs the shipped profiles (``parsers/*.yaml``) into the JSON file that the registry reads.

Run ``python -m engine.cli.generate.profiles`` after a profile was changed; a test says when that was forgotten.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import parsers
from engine.documents.source import load_yaml
from parsers.registry import PACKED

FOLDER = Path(parsers.__path__[0])


def packed_profiles() -> str:
    """The text of the JSON file, one line for each profile."""
    lines = []
    for path in sorted(FOLDER.glob("*.yaml")):
        root = load_yaml(path).root
        # A number with a point keeps its places as a text.
        text = json.dumps(root, ensure_ascii=True, separators=(",", ":"), default=_as_text)
        lines.append(f"{json.dumps(root['protocol'])}:{text}")
    return "{" + ",\n".join(lines) + "}\n"


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no place in a profile")


def write() -> None:
    """Write the file anew."""
    (FOLDER / PACKED).write_text(packed_profiles(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
