"""Which language a user reads. By itself, so that what has nothing to say need not know how to say it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ko"]


def language_from_env(env: Mapping[str, str] | None = None) -> Language:
    """Korean when the locale (LC_ALL, LC_MESSAGES, LANG; on Windows the system's) is Korean, else English."""
    variables = os.environ if env is None else env
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = variables.get(name)
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    if env is None:
        import locale

        return "ko" if (locale.getlocale()[0] or "").lower().startswith("ko") else "en"
    return "en"
