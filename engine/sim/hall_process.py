"""``python -m engine.sim.hall``: a hall and its reference server as one process, told about in JSON lines.

The first line says where everything is; with ``--site FILE`` that file is what a gateway is to be started with. Boxes
come once the gateway is approved; a box is lifted when its record has reached the server. The last line is the truth.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from engine.clock import SystemClock
from engine.sim.boxes import Box
from engine.sim.hall import MAC_ADDRESS, Hall, HallLine
from engine.sim.server import ReferenceServer
from engine.sim.transport import Transport, default_transport

_WAIT_FOR_GATEWAY_S: Final = 60.0
_STOPPED_BY_SIGNAL: Final = 130


@dataclass(frozen=True, slots=True)
class HallOptions:
    """What the process shall do: ``boxes`` in all, or as many as ``seconds`` allow."""

    lines: int
    seed: int
    transport: Transport
    site: Path | None
    boxes: int | None
    seconds: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every box reached the server, 1 when one did not, 130 after SIGINT or SIGTERM."""
    options = _parse(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))  # stdout is for JSON lines
    try:
        return asyncio.run(_run(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _STOPPED_BY_SIGNAL


async def _run(options: HallOptions) -> int:
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # Windows: there a process is not asked to end, it is ended
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    async with (
        ReferenceServer(clock=clock, auto_approve_after=0.0) as server,
        Hall(lines=options.lines, seed=options.seed, transport=options.transport, clock=clock) as hall,
    ):
        if options.site is not None:
            text = hall.site_yaml(server.url)
            await asyncio.to_thread(options.site.write_text, text, encoding="utf-8")
        lines = [_ports(line) for line in hall.lines if isinstance(line, HallLine)]
        _tell({"event": "ready", "server": server.url, "mac_address": MAC_ADDRESS, "lines": lines})
        missed = await _weigh(options, hall, server)
        _tell(_truth(hall, server, missed))
    return 1 if missed else 0


async def _weigh(options: HallOptions, hall: Hall, server: ReferenceServer) -> list[Box]:
    def is_approved() -> bool:
        gateway = server.gateways.get(MAC_ADDRESS)
        return gateway is not None and gateway.access_token is not None

    async def committed(box: Box) -> None:
        await server.wait_until(lambda: any(record.rfid_uid == box.card for record in server.records), timeout=3600)

    await server.wait_until(is_approved, timeout=_WAIT_FOR_GATEWAY_S)
    _tell({"event": "started"})
    if options.seconds is not None:
        return await hall.run_for(options.seconds, committed)
    return await hall.run_boxes(options.boxes or 0, committed)


def _ports(line: HallLine) -> Mapping[str, object]:
    return {"name": line.name, "scale": line.scale_uart.endpoint.port, "rfid": line.reader_uart.endpoint.port}


def _truth(hall: Hall, server: ReferenceServer, missed: list[Box]) -> Mapping[str, object]:
    return {
        "event": "ended",
        "boxes": [
            {"line": p.box.line, "card": p.box.card, "weight": str(p.box.weight), "rest_monotonic": p.rest_at}
            for p in hall.placed
        ],
        "records": [
            {"uuid": r.uuid, "card": r.rfid_uid, "weight": str(r.weight), "arrived_monotonic": r.arrived_monotonic}
            for r in server.records
        ],
        "missed": [str(box) for box in missed],
    }


def _tell(fact: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def _parse(arguments: Sequence[str] | None) -> HallOptions:
    parser = argparse.ArgumentParser(prog="python -m engine.sim.hall", description="A hall and a server to weigh in.")
    parser.add_argument("--lines", type=int, default=1, help="scales, each with a reader (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what boxes and people follow from (default: %(default)s)")
    parser.add_argument("--transport", choices=("pty", "socket"), default=default_transport())
    parser.add_argument("--site", type=Path, metavar="FILE", help="write the gateway's site.yaml here")
    until = parser.add_mutually_exclusive_group(required=True)
    until.add_argument("--boxes", type=int, help="end after so many boxes in all")
    until.add_argument("--seconds", type=float, help="end after so long, when the boxes under way are done")
    return HallOptions(**vars(parser.parse_args(arguments)))
