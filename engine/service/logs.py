"""Logging: one event name per fact, on a console for people or as JSON lines for machines. Never a whole secret."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from engine.ports import Secret
from engine.service.lean_structlog import structlog

Sink = Callable[[str, dict[str, Any]], None]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str, format: str, *, file: TextIO | None = None, sink: Sink | None = None) -> None:
    """Set logging up for this process. ``format`` is ``console`` or ``json``.

    ``file`` is where lines go (standard output unless given); ``sink`` is told every fact as well, (event, its values):
    the demo's view hangs there.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=(file or sys.stdout).isatty(),
            # The other kind shows local variables, a token among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    if sink is not None:
        processors.append(_tell(sink))
    if format == "json":
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=_Unfailing(file or sys.stdout)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    # Libraries speak only when something is wrong; httpx would log every request at INFO.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)


def let_go() -> None:
    """Before the process ends: lines that still cannot be written must not change how it ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more


class _Unfailing:
    """A stream whose failures cost a line, never more: a full disk or a reader that went away must not stop a hall."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _hide_secrets(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if isinstance(value, Secret):
            event[key] = repr(value)
    return event


def _tell(sink: Sink) -> Callable[[object, str, dict[str, Any]], dict[str, Any]]:
    def tell(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        sink(str(event.get("event", "")), event)
        return event

    return tell
