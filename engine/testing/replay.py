"""Play a recording through the machines of a site, on virtual time: the same recording gives the same records.

What stands between the ports and the database is the service's own: parsers, filters, charts, their hosts and
services, and the ledger on a real SQLite file. The gateway counts as approved from the beginning; there is no server,
no light, and a site's own services answer ``error``. Ids follow from the lines' names, not from chance.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

from engine.bindings.registry import Registry
from engine.chart.load import load_chart
from engine.clock import VirtualClock
from engine.devices.device import SerialDevice
from engine.devices.recording import LINK_DOWN, LINK_UP, NEW_RUN, RECEIVED, SENT, Entry, Recording, RecordingError
from engine.devices.signal import SignalDevice
from engine.devices.terminal.device import Terminal
from engine.errors import Diagnostic, DiagnosticError
from engine.events import Event
from engine.ports import (
    CallKind,
    CallResult,
    Card,
    Delivery,
    DeliveryKind,
    GatewayIdentity,
    GatewayLookup,
    LookupKind,
    Outcome,
    Secret,
    WeighingRecord,
)
from engine.runtime.machine import machine_class
from engine.runtime.trace import Tracer
from engine.service.chart_names import chart_place
from engine.service.config import SiteConfig
from engine.service.host import Call, MachineHost, Surroundings
from engine.service.lines import Line
from engine.service.router import Router
from engine.service.services import GatewayServices
from engine.service.terminals import TerminalOrders
from engine.service.weights import LatestWeights
from engine.store.inline import open_inline_store
from engine.store.store import LedgerStore
from engine.testing.loop import VirtualLoop

_IDENTITY: Final = GatewayIdentity("02:00:00:00:00:01", "replay", "127.0.0.1", "replay")
_BEFORE_S: Final = 1.0  # the machines are at work when the first byte comes
_AFTER_S: Final = 1.0
_STOP_WITHIN_S: Final = 1.0
_PAGE: Final = 1000
_NO_SERVER: Final = "there is no server in a replay"
PlayEntry = Callable[[Entry], None]
_OTHERS: Final = ("registration", "upload", "streaming")


@dataclass(slots=True)
class Replayed:
    """What came of a replay. ``passed_over``: ports of the recording that the site has not, and their entries."""

    records: list[WeighingRecord] = field(default_factory=list)
    entries: int = 0
    seconds: float = 0.0  # from the first entry to the last
    passed_over: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)  # line -> how often its machine faulted
    torn: Sequence[str] = ()


def replay(
    recording: Recording,
    site: SiteConfig,
    registry: Registry,
    folder: Path,
    cards: Sequence[Card] = (),
    trace: Callable[[str], Tracer] | None = None,
) -> Replayed:
    """Play a whole recording into a new ledger in ``folder``; ``cards`` are put into its card table first.

    ``trace`` gives what is told every macrostep of a machine, by its name.

    Raises DiagnosticError for the charts, StoreError for the folder, RecordingError for a recording without entries.
    """
    entries = iter(recording)
    first = next(entries, None)
    if first is None or recording.started_at is None:
        raise RecordingError(f"{', '.join(map(str, recording.paths))}: there is nothing in this recording")
    clock = VirtualClock(recording.started_at - timedelta(seconds=_BEFORE_S))
    loop = VirtualLoop(clock)
    try:
        player = _Player(site, registry, loop, trace)
        result = loop.run(player.play(chain([first], entries), folder, cards))
        result.torn = recording.torn
        return result
    finally:
        loop.close()


class _Player:
    def __init__(
        self, site: SiteConfig, registry: Registry, loop: VirtualLoop, trace: Callable[[str], Tracer] | None
    ) -> None:
        self._site = site
        self._trace = trace
        self._registry = registry
        self._loop = loop
        self._clock = loop.clock
        self._runs = self._children = 0
        self._lines: list[Line] = []
        self._players: Mapping[str, PlayEntry] = {}
        self._compile()  # everything that can be wrong with the charts is told before anything is opened
        self._hosts: dict[str, MachineHost] = {}
        self._result = Replayed(faults={line.name: 0 for line in site.lines})

    async def play(self, entries: Iterator[Entry], folder: Path, cards: Sequence[Card]) -> Replayed:
        store = await open_inline_store("sqlite:///ledger.sqlite", base_dir=folder, clock=self._clock)
        async with store:
            await store.save_identity(_IDENTITY)
            await store.save_token(Secret("replay"), None, "active")
            if cards:
                await store.save_cards(cards)
            async with asyncio.TaskGroup() as tasks:
                self._start(store, tasks)
                for entry in entries:
                    await self._feed(entry, store, tasks)
                await asyncio.sleep(_AFTER_S)
                await self._stop()
            self._result.records = await _records(store)
        return self._result

    # The service's parts ---------------------------------------------------------------------------------------------

    def _compile(self) -> dict[str, Any]:
        problems: list[Diagnostic] = []
        machines: dict[str, Any] = {}
        for line in self._site.lines:
            try:
                machines[line.name] = self._make_machine(line.chart, line.settings, f"{line.name} {self._runs}")
            except DiagnosticError as error:
                problems.extend(error.diagnostics)
        if problems:
            raise DiagnosticError(problems)
        return machines

    def _make_machine(self, chart: str | Path, settings: Mapping[str, object], name: str) -> Any:
        # Python's own hash() of a text differs from one process to the next.
        seed = zlib.crc32(name.encode())
        return machine_class(load_chart(chart, self._registry))(settings, clock=self._clock, seed=seed)

    def _make_child(self, chart: str, settings: Mapping[str, object]) -> Any:
        self._children += 1
        return self._make_machine(chart_place(chart, self._site.base_dir), settings, f"{chart} {self._children}")

    def _start(self, store: LedgerStore, tasks: asyncio.TaskGroup) -> None:
        weights, router = LatestWeights(), Router()

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            return tasks.create_task(work)

        def post_to(name: str) -> Callable[[Event], None]:
            return lambda event: self._hosts[name].post(event)  # noqa: PLW0108 - the host comes later

        self._runs += 1
        machines = self._compile()
        self._lines = lines = [
            Line(line, self._clock, self._loop, weights, post_to(line.name)) for line in self._site.lines
        ]
        terminals = TerminalOrders({line.name: line.terminal for line in lines if line.terminal is not None})
        services = GatewayServices(store, _NoServer(), _IDENTITY, self._site.units_weight, clock=self._clock)
        around = Surroundings(
            clock=self._clock,
            loop=self._loop,
            services={
                **dict.fromkeys(self._registry.services, _no_service),
                **services.table(),
                **terminals.table(),
            },
            performers={**dict.fromkeys(self._registry.actions, _no_action), **terminals.performers()},
            route=router.route,
            spawn=spawn,
            make_machine=self._make_child,
            trace=self._trace,
        )
        for name in _OTHERS:
            router.add(name, _nobody)
        for settings in self._site.lines:
            host = MachineHost(settings.name, machines[settings.name], around)
            self._hosts[settings.name] = host
            router.add(settings.name, host.post, is_line=True)
        for host in self._hosts.values():
            host.start()
        self._players = _players(lines, self._clock)

    async def _stop(self) -> None:
        for name, host in self._hosts.items():
            self._result.faults[name] += host.faults
            host.post(Event("service.stopping", origin="service"))
        await asyncio.sleep(0)
        for host in self._hosts.values():
            host.stop()
        for line in self._lines:
            for device in line.devices:
                device.stop()
        await asyncio.gather(*(host.wait_ended(_STOP_WITHIN_S) for host in self._hosts.values()))

    # The recording ---------------------------------------------------------------------------------------------------

    async def _feed(self, entry: Entry, store: LedgerStore, tasks: asyncio.TaskGroup) -> None:
        self._result.seconds = entry.at_us / 1e6
        due = self._result.seconds + _BEFORE_S
        if entry.direction == NEW_RUN:
            await self._stop_before(due)
        await self._reach(due)
        if entry.direction == NEW_RUN:
            self._start(store, tasks)
            await self._reach(due)
            return
        self._result.entries += 1
        player = self._players.get(entry.port)
        if player is None:
            self._result.passed_over[entry.port] += 1
        else:
            player(entry)

    async def _reach(self, due: float) -> None:
        """Let time pass until then; without a turn of the loop where nobody would have one."""
        if self._loop.is_idle_until(due):
            self._clock.advance_to(due)
        else:
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    async def _stop_before(self, due: float) -> None:
        """The service was stopped soon after the last entry, and was away until ``due``."""
        await self._reach(min(due, self._clock.monotonic() + _AFTER_S))
        await self._stop()


def _players(lines: Sequence[Line], clock: VirtualClock) -> dict[str, PlayEntry]:
    """By the name that ``engine run --record`` gives them, and by their port, as ``engine sniff`` does."""
    found: dict[str, PlayEntry] = {}
    for line in lines:
        for device in line.devices:
            if isinstance(device, SignalDevice):
                found[device.name] = _pass_over  # it only listens
                continue
            play = _as_terminal(device, clock) if isinstance(device, Terminal) else _as_device(device)
            found[device.name] = play
            found.setdefault(device.settings.port, play)
    return found


def _pass_over(_entry: Entry) -> None:
    """What a light was sent says nothing to a chart."""


def _as_device(device: SerialDevice) -> PlayEntry:
    def play(entry: Entry) -> None:
        if entry.direction == RECEIVED:
            device.receive(entry.data)
        elif entry.direction in (LINK_UP, LINK_DOWN):
            device.link_changed(entry.direction == LINK_UP, _reason(entry))

    return play


def _as_terminal(terminal: Terminal, clock: VirtualClock) -> PlayEntry:
    """The master asks when it asked then; what it asks follows from what the chart orders now."""
    exchange = terminal.exchange

    def play(entry: Entry) -> None:
        now = clock.monotonic()
        if entry.direction == RECEIVED:
            terminal.told(exchange.receive(entry.data, now))
        elif entry.direction == SENT:
            # The first turn may only find that the last question got no answer.
            if exchange.tick(max(now, exchange.wake_at)) is None:
                exchange.tick(max(now, exchange.wake_at))
        else:
            if entry.direction == LINK_UP:
                exchange.begin(now)
            terminal.link_changed(entry.direction == LINK_UP, _reason(entry))

    return play


def _reason(entry: Entry) -> str:
    return entry.data.decode("utf-8", "replace")


async def _records(store: LedgerStore) -> list[WeighingRecord]:
    records: list[WeighingRecord] = []
    while page := await store.records_after(len(records), _PAGE):
        records += page
    return records


async def _no_service(_call: Call, **_arguments: object) -> Outcome:
    return Outcome("error", {"reason": "this service does nothing in a replay"})


def _no_action(_machine: str, **_arguments: object) -> None:
    """There is no light, no printer and no stream."""


def _nobody(_event: Event) -> None:
    """A machine that has nothing to do in a replay."""


class _NoServer:
    """``engine.ports.CentralServer`` where there is none."""

    async def find_gateway(self, mac_address: str) -> GatewayLookup:  # noqa: ARG002 - the port's
        return GatewayLookup(LookupKind.UNREACHABLE, reason=_NO_SERVER)

    async def register_gateway(self, identity: GatewayIdentity) -> CallResult:  # noqa: ARG002
        return CallResult(CallKind.UNREACHABLE, reason=_NO_SERVER)

    async def send_heartbeat(self, token: Secret) -> CallResult:  # noqa: ARG002
        return CallResult(CallKind.UNREACHABLE, reason=_NO_SERVER)

    async def post_record(self, record: WeighingRecord, token: Secret) -> Delivery:  # noqa: ARG002
        return Delivery(record.uuid, DeliveryKind.UNREACHABLE, _NO_SERVER)
