"""structlog without coloured tracebacks, for which it imports rich and colorama wherever they happen to be installed.

That is a tenth of a service's start and 6 MB of its memory (measured with structlog 25 and rich 14), for tracebacks
that a service never shows. Only Windows' terminals need colorama, for what the console format shows. Whoever imported
structlog before, as the demo does, keeps it as it is.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["structlog"]

_UNWANTED: Final = ("rich",) if sys.platform == "win32" else ("rich", "colorama")

_mine = () if "structlog" in sys.modules else tuple(name for name in _UNWANTED if name not in sys.modules)
for _name in _mine:
    # None makes the import system raise ImportError (reference, 5.3.1), which structlog takes for "not installed".
    sys.modules[_name] = None  # type: ignore[assignment]

import structlog  # noqa: E402 - after the line above, which is what this module is for

for _name in _mine:
    del sys.modules[_name]
