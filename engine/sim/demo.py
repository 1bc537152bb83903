"""``engine demo``: the real service in a virtual hall, from an unknown gateway to the last record at the server.

The service is the one that ``engine run`` starts, on a site.yaml written to a folder; it does not know that its hall
is not real. At the end it is stopped, and what it left in its database is compared with what was weighed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock, SystemClock
from engine.errors import EngineError
from engine.ports import StoreCounts
from engine.service import logs
from engine.service.config import load_site
from engine.service.gateway import Gateway
from engine.sim.audit import Audit, audit, read_ledger
from engine.sim.demo_facts import Facts
from engine.sim.demo_terminal import TERMINAL_CHART, receipt_problems, write_cards
from engine.sim.demo_view import Result, Scene, View
from engine.sim.hall import MAC_ADDRESS, Hall
from engine.sim.server import ReferenceServer
from engine.sim.transport import Transport

_APPROVE_AFTER_S: Final = 2.0  # the operator at the server sees the new gateway, and approves it
_STREAM_FOR_S: Final = 4.0
_STEP_WITHIN_S: Final = (
    20.0  # registering, opening the ports, delivering: each takes a second at most, when all is well
)
_TERMINATED: Final = 143

CHARTS: Final = ("weighing", TERMINAL_CHART)

log = structlog.get_logger(__name__)


class DemoError(EngineError):
    """The demo could not get as far as weighing, or its service ended by itself."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What is shown: so many boxes in all, dealt to the lines; ``offline`` seconds without the server at first.

    ``chart`` is what the lines run, one of CHARTS.
    """

    boxes: int
    lines: int
    seed: int
    offline: float
    keep: Path | None
    transport: Transport
    chart: str = "weighing"


def run_demo(options: DemoOptions, view: View) -> int:
    """Show the demo to its end: 0 when all is recorded as it should be, else 1; 143 after SIGTERM.

    Raises EngineError when it cannot begin, and KeyboardInterrupt after cleaning up.
    """
    with _folder(options.keep) as folder:
        try:
            result = asyncio.run(_run(options, folder.path, view))
        except asyncio.CancelledError:
            return _TERMINATED
        if result.problems and options.keep is None:
            folder.is_kept = True  # whoever sees a failure wants to look into it
        view.conclude(result, folder.path if folder.is_kept else None)
        return 1 if result.problems else 0


@dataclass(slots=True)
class _Folder:
    path: Path
    is_kept: bool


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[_Folder]:
    if keep is None:
        folder = _Folder(Path(tempfile.mkdtemp(prefix="engine-demo-")), is_kept=False)
    else:
        folder = _Folder(keep, is_kept=True)
        try:
            keep.mkdir(parents=True, exist_ok=True)
            is_empty = not any(keep.iterdir())
        except OSError as error:
            raise DemoError(f"--keep: {keep} cannot be used as a folder: {error.strerror}") from error
        if not is_empty:
            raise DemoError(f"--keep: {keep} is not empty, and an older ledger would be counted; name a new folder")
    try:
        yield folder
    finally:
        if not folder.is_kept:
            shutil.rmtree(folder.path, ignore_errors=True)


async def _run(options: DemoOptions, folder: Path, view: View) -> Result:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # Windows: there a process is not asked to end, it is ended
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    started = clock.monotonic()
    facts = Facts(loop, lambda event, values: view.tell(clock.monotonic() - started, event, values))
    with _logging(folder / "engine.log", facts):
        async with (
            ReferenceServer(clock=clock) as server,
            Hall(
                lines=options.lines,
                seed=options.seed,
                transport=options.transport,
                clock=clock,
                has_terminals=options.chart == TERMINAL_CHART,
            ) as hall,
        ):
            if hall.terminals:
                await write_cards(folder, hall.cards(options.boxes))
            return await Demo(options, folder, view, clock, server, hall, facts).run()


@contextlib.contextmanager
def _logging(path: Path, facts: Facts) -> Iterator[None]:
    with path.open("w", encoding="utf-8") as file:
        logs.configure("info", "json", file=file, sink=facts)
        try:
            yield
        finally:
            structlog.reset_defaults()


class Demo:
    """One showing, in a hall and with a server that stand ready."""

    def __init__(
        self,
        options: DemoOptions,
        folder: Path,
        view: View,
        clock: Clock,
        server: ReferenceServer,
        hall: Hall,
        facts: Facts,
    ) -> None:
        self._options = options
        self._folder = folder
        self._view = view
        self._clock = clock
        self._server = server
        self._hall = hall
        self._facts = facts
        self._started = clock.monotonic()
        self._failures: list[str] = []
        self._is_stopping = False
        self._stopped_in = 0.0
        self._gateway = self._make_gateway()

    async def run(self) -> Result:
        """Show everything, stop the service, and judge what it left."""
        try:
            async with asyncio.TaskGroup() as tasks:
                service = tasks.create_task(self._serve())
                try:
                    with self._view:
                        await self._play()
                finally:
                    await self._stop(service)
        except ExceptionGroup as group:
            raise _first(group) from group
        report = audit(self._hall.truth, read_ledger(self._folder / "ledger.sqlite"), self._server.records)
        return self._result(report)

    # The service -----------------------------------------------------------------------------------------------------

    def _make_gateway(self) -> Gateway:
        site = self._folder / "site.yaml"
        site.write_text(self._hall.site_yaml(self._server.url), encoding="utf-8")
        return Gateway(load_site(site, os.environ), clock=self._clock)

    async def _serve(self) -> None:
        await self._gateway.run()
        if not self._is_stopping:
            raise DemoError("the service ended by itself")

    async def _stop(self, service: asyncio.Task[None]) -> None:
        self._is_stopping = True
        asked = self._clock.monotonic()
        self._gateway.stop()
        await asyncio.wait({service}, timeout=_STEP_WITHIN_S)
        self._stopped_in = self._clock.monotonic() - asked

    # The story -------------------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            display = tasks.create_task(self._display())
            await self._become_approved()
            if self._options.offline:
                await self._server.go_offline()
                log.warning("hall.server.went_offline", for_s=self._options.offline)
            back = tasks.create_task(self._come_back())
            stream = tasks.create_task(self._watch_stream())
            missed = await self._hall.run_boxes(self._options.boxes, self._facts.wait_committed)
            self._failures += [f"{box}: not committed in time" for box in missed]
            await back
            await self._await_delivery()
            await stream
            display.cancel()

    async def _become_approved(self) -> None:
        server, facts = self._server, self._facts
        await self._step("the service did not start", self._gateway.ready.wait())
        registered = server.wait_until(lambda: MAC_ADDRESS in server.gateways, timeout=_STEP_WITHIN_S)
        await self._step("the gateway did not register", registered)
        await asyncio.sleep(_APPROVE_AFTER_S)
        server.approve(MAC_ADDRESS)
        log.info("hall.gateway.approved", mac_address=MAC_ADDRESS)
        await self._step("the gateway did not take its approval", facts.wait_until(lambda: facts.is_approved))
        ports = self._hall.ports
        await self._step("not every scale and reader was opened", facts.wait_until(lambda: facts.open_ports >= ports))

    async def _come_back(self) -> None:
        if not self._server.is_online:
            await asyncio.sleep(self._options.offline)
            await self._server.go_online()
            log.info("hall.server.came_online")

    async def _watch_stream(self) -> None:
        """The people at the server look at the weights for a while."""
        server, asked = self._server, self._facts.stream_commands
        try:
            async with asyncio.timeout(self._delivery_within + _STREAM_FOR_S):
                await server.wait_until(
                    lambda: server.is_online and server.streams(MAC_ADDRESS) > 0, timeout=self._delivery_within
                )
                await server.start_stream(MAC_ADDRESS)
                log.info("hall.stream.started")
                await asyncio.sleep(_STREAM_FOR_S)
                await server.stop_stream(MAC_ADDRESS)
                log.info("hall.stream.stopped", messages=len(server.stream_messages))
                await self._facts.wait_until(lambda: "STOP_STREAM" in asked)
        except TimeoutError:
            heard = f"only {', '.join(asked)}" if asked else "nothing"
            self._failures.append(f"the stream was not started and stopped; the gateway heard {heard}")

    async def _await_delivery(self) -> None:
        """Until the service knows all of its records delivered; the audit tells what is missing if it never does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._delivery_within):
                await self._facts.wait_until(lambda: not self._facts.outbox)

    @property
    def _delivery_within(self) -> float:
        # Whoever tries again after ever longer pauses may be in one as long as the outage was.
        return _STEP_WITHIN_S + 2 * self._options.offline

    async def _step(self, failure: str, waiting: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(_STEP_WITHIN_S):
                await waiting
        except TimeoutError:
            raise DemoError(f"{failure} within {_STEP_WITHIN_S:g} s") from None

    # What people see -------------------------------------------------------------------------------------------------

    async def _display(self) -> None:
        while self._view.interval is not None:
            self._view.show(self._scene(await self._gateway.counts()))
            await asyncio.sleep(self._view.interval)

    def _scene(self, counts: StoreCounts) -> Scene:
        return Scene(
            elapsed=self._clock.monotonic() - self._started,
            server_url=self._server.url,
            is_online=self._server.is_online,
            status=self._gateway.status(),
            counts=counts,
            server_records=len(self._server.records),
            stream_messages=len(self._server.stream_messages),
            boxes_placed=len(self._hall.placed),
            boxes_done=len(self._facts.committed),
            boxes=self._options.boxes,
        )

    def _result(self, report: Audit) -> Result:
        return Result(
            audit=report,
            problems=[
                *self._failures,
                *report.problems,
                *self._facts.faults,
                *receipt_problems(self._hall.truth, self._hall.terminals),
            ],
            boxes=self._options.boxes,
            lines=self._options.lines,
            seed=self._options.seed,
            offline=self._options.offline,
            elapsed=self._clock.monotonic() - self._started,
            stopped_in=self._stopped_in,
            stream_messages=len(self._server.stream_messages),
        )


def _first(group: ExceptionGroup) -> Exception:
    """What a group of tasks failed of: the one that is not a consequence of the others."""
    for error in group.exceptions:
        return _first(error) if isinstance(error, ExceptionGroup) else error
    return group
