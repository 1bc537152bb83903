"""The JSON Schemas (draft 2020-12) of every YAML file that people write; editors complete and explain by them."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load_schema(name: str) -> dict[str, Any]:
    """The schema of ``chart``, ``site`` and so on: the same dict at every call, not to be changed.

    Numbers with a point are Decimal, as in the documents they are compared with. Raises FileNotFoundError.
    """
    # importlib.resources would find it as well, and take 12 ms of the start of every process of a batch.
    text = Path(__file__).with_name(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return schema
