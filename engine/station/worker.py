"""A batch's process: ``python -m engine.station.worker``, started by a master and told by it what to do.

Being ready soon is all that this module is about: ten batches start at once, and nobody waits for a light switch.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from typing import Any


def main() -> None:
    """The process."""
    gc.disable()  # what is imported stays: looking through it for garbage again and again takes a tenth of the start
    import asyncio

    from setproctitle import setproctitle

    from engine.station.generated import Generated

    generated = Generated(__file__)
    with generated:
        import engine.service.lean_structlog
        from engine.station.orders import SPARE, Orders
        from engine.station.worker_frame import STUCK_CODE

        if SPARE in sys.argv:
            import engine.station.worker_life  # noqa: F401 - what most batches need, while there is time

            setproctitle("batch:spare")
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)  # the master is gone, or has no use for a spare process
    orders = Orders.from_line(line)
    setproctitle(f"batch:{orders.batch_id}")
    _log_to(orders.log)

    with generated:
        if orders.line is None:
            from engine.station.worker_life import live
        else:
            from engine.station.line_worker import live

    del generated
    gc.enable()
    gc.freeze()
    code = STUCK_CODE
    try:
        code = asyncio.run(live(orders))
    finally:
        # Not by the interpreter's own way: a blocked driver's thread would hold it up.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class _Unfailing(io.FileIO):
    """A file whose failures cost what was to be written, never more: a full disk must not stand before a cleanup."""

    def write(self, data: Any) -> int:
        """Write what can be written, and say that it was all."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _log_to(file: str) -> None:
    """Everything that this process, or a driver in it, writes goes to one file; nowhere when there can be none."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        handle = os.open(os.devnull, os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(_Unfailing(number, "w", closefd=False)),
            encoding="utf-8", errors="backslashreplace", line_buffering=True,
        )
        for number in (1, 2)
    )  # fmt: skip
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
