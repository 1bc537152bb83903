"""``engine run``: the headless service as a process, ended by SIGTERM, SIGINT or a Windows service stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from engine.bindings.shipped import shipped_registry
from engine.devices.record_settings import RecordSettings
from engine.service import logs
from engine.service.config import load_site
from engine.service.gateway import Gateway
from engine.service.traces import Traces


def run_service(config: Path | None, record: Path | None = None, trace: Path | None = None) -> int:
    """Run until told to stop; 0 then. ``record``: a folder for recordings, in place of the site's own.

    ``trace``: a folder for what every machine does, macrostep by macrostep.

    Raises EngineError when it cannot start, DiagnosticError for what a file says.
    """
    registry = shipped_registry()
    site = load_site(config, os.environ, registry=registry)
    if record is not None:
        bounds = site.record or RecordSettings(record)
        site = replace(site, record=replace(bounds, directory=record.absolute()))
    logs.configure(site.log_level, site.log_format)
    with nullcontext() if trace is None else Traces(trace) as traces:
        asyncio.run(_serve(Gateway(site, registry=registry, trace=traces.tracer if traces else None)))
    logs.let_go()
    return 0


async def _serve(gateway: Gateway) -> None:
    stop_on_signals(gateway.stop)
    await gateway.run()


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` on the running loop for SIGTERM and SIGINT, and on Windows for Ctrl-Break, which services send."""
    loop = asyncio.get_running_loop()
    names = ["SIGTERM", "SIGINT", "SIGBREAK"]
    for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows: its loops know no signal handlers
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop))
