"""``engine station key``: keys for the API of a station, made and taken away while it runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from engine.cli.command import OK, USAGE
from engine.clock import SystemClock
from engine.station.config import data_folder
from engine.station.web.keys import KeyRing

_NAME: Final = re.compile(r"[^\W_][\w .@-]{0,63}")


def run_keys(what: str, name: str, config: Path) -> int:
    """``new``, ``list`` or ``revoke``. Raises DiagnosticError and KeyRingError for what cannot be done."""
    ring = KeyRing(data_folder(config, os.environ))
    if what == "list":
        for one in ring.keys:
            print(f"{one.name}  {one.created_at}")
        return OK
    if what == "revoke":
        ring.revoke(name)
        return OK
    if _NAME.fullmatch(name) is None:
        print(f"engine station key: error: '{name}' is no name; write it as in line-3", file=sys.stderr)
        return USAGE
    key = ring.new(name, SystemClock().now())
    print("This is the key. It is shown this once; the station keeps only its hash.", file=sys.stderr)
    print(key)
    return OK
