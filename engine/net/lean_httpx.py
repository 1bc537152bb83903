"""httpx without its command line, which it imports when click, rich and pygments happen to be installed.

That is half of its import time and of its memory (measured with httpx 0.28: 4.4 MB), and a service has no use for it.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["httpx"]

_COMMAND_LINE: Final = "httpx._main"

_is_mine = "httpx" not in sys.modules
if _is_mine:
    # None makes the import system raise ImportError (reference, 5.3.1), which httpx takes for "not installed".
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]

import httpx  # noqa: E402 - after the line above, which is what this module is for

if _is_mine:
    del sys.modules[_COMMAND_LINE]
