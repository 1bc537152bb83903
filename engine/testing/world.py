"""A whole gateway on virtual time, to be told what happens and asked what came of it.

    with World(lines=("dock-1",), settings={"stable_for": "2 s"}) as world:
        world.start()
        world.card("0A1B2C3D")
        world.put(q("12.34 kg"))
        world.advance(4)
        assert [record.rfid_uid for record in world.records] == ["0A1B2C3D"]

The machines are the real ones, hosted by the real hosts and served by the real services; scales, readers, the store and
the central server are twins in memory. A minute passes in a few milliseconds, and a seed always tells the same story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.devices.terminal.device import Terminal
from engine.errors import EngineError
from engine.events import Event
from engine.ports import GatewayIdentity, StoredGateway, WeighingRecord
from engine.runtime.machine import machine_class
from engine.service.host import MachineHost, Surroundings
from engine.service.router import Router
from engine.service.services import GatewayServices
from engine.service.streaming import WeightStream
from engine.service.terminals import TerminalOrders
from engine.service.weights import LatestWeights
from engine.testing.loop import VirtualLoop
from engine.testing.memory_store import MemoryStore
from engine.testing.troubled_store import TroubledStore
from engine.testing.twin_line import TwinLine
from engine.testing.twin_scale import TwinScale
from engine.testing.twin_server import TwinServer
from engine.testing.twin_terminal import TwinTerminal
from engine.units import Quantity, parse_quantity

Result = TypeVar("Result")
Settings = Mapping[str, object]

MAC_ADDRESS: Final = "AA:BB:CC:DD:EE:01"
IDENTITY: Final = GatewayIdentity(MAC_ADDRESS, "twin", "192.0.2.7", "쌍둥이 경매장")
_EVERYTHING: Final = 1_000_000
_UNTIL_STEP_S: Final = 0.01
# Facts that no scenario should bring about: a bug of ours, not trouble that was ordered.
_BUGS: Final = frozenset({"machine.dispatch.failed", "machine.effect.failed", "machine.service.failed"})


def q(text: str) -> Quantity:
    """``q("12.34 kg")``: a weight, as it would be written in YAML."""
    return parse_quantity(text)


@dataclass(frozen=True, slots=True)
class Signal:
    """A pattern that a line's light or buzzer showed."""

    line: str
    pattern: str
    at: float


@dataclass(frozen=True, slots=True)
class Change:
    """A machine came into another configuration; ``states`` are its active atomic states."""

    machine: str
    states: tuple[str, ...]
    at: float


class World:
    """One gateway with a machine per line and the machines ``registration``, ``upload`` and ``streaming``.

    ``settings`` are those of every line's chart, as YAML would write them; ``machine_settings`` those of the other
    machines by name. ``approved``: the server knows the gateway, and its token is in the store, before the start.
    Times are seconds; ``at`` is always the monotonic time of ``clock``. Raises DiagnosticError for a chart or a setting
    that is wrong.
    """

    def __init__(
        self,
        lines: Sequence[str] = ("dock-1",),
        *,
        chart: str | Path = "weighing",
        settings: Settings | None = None,
        machine_settings: Mapping[str, Settings] | None = None,
        approved: bool = True,
        seed: int = 1,
        scale_hz: float = 50.0,
        unit: str = "kg",
    ) -> None:
        self.loop = VirtualLoop()
        self.clock = self.loop.clock
        self.lines = tuple(lines)
        self._memory = MemoryStore(self.clock)
        self.store = TroubledStore(self._memory)
        self.server = TwinServer(self.clock, MAC_ADDRESS)
        self.scales = {line: TwinScale(self.clock, seed + index) for index, line in enumerate(self.lines)}
        self.signals: list[Signal] = []
        self.history: list[Change] = []
        self.logs: list[MutableMapping[str, Any]] = []
        others = dict(machine_settings or {})
        self._charts: dict[str, tuple[str | Path, Settings]] = {
            name: (name, others.pop(name, {})) for name in ("registration", "upload", "streaming")
        }
        if others:
            raise EngineError(f"there is no machine called '{', '.join(others)}'; there are {', '.join(self._charts)}")
        self._charts |= {line: (chart, settings or {}) for line in self.lines}
        self._unit = unit
        self._seed = seed
        self._starts = 0
        self._hosts: dict[str, MachineHost] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[str, TwinLine | TwinTerminal] = {}
        self._terminal_devices: dict[str, Terminal] = {}  # of the lines that are one
        self._terminals = TerminalOrders(self._terminal_devices)
        self._cards: dict[str, str] = {}  # line -> the card that lies on its reader
        self._scale_interval = 1.0 / scale_hz
        self._cleanup = ExitStack()
        self._unexpected: list[Mapping[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self._unexpected.append(context))
        self._now(self._prepare(approved=approved))

    async def _prepare(self, *, approved: bool) -> None:
        await self.store.save_identity(IDENTITY)
        if approved:
            await self.server.register_gateway(IDENTITY)
            token = self.server.approve()
            await self.store.save_token(token, str(self.server.backend.gateways[MAC_ADDRESS].id), "active")

    # Life ------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch the gateway on, and its scales."""
        if self._hosts:
            raise EngineError("this world's gateway is running already")
        self._starts += 1
        if self._starts == 1:
            self.logs = self._cleanup.enter_context(capture_logs(processors=[format_exc_info]))
        self._build()
        for host in self._hosts.values():
            host.start()
        for line in self._lines.values():
            line.start()
            line.lay(self._cards.get(line.name))

    @property
    def is_running(self) -> bool:
        """Whether the gateway is switched on."""
        return bool(self._hosts)

    def crash(self) -> None:
        """The power fails: everything that is not in the store or at the server is gone."""
        for host in self._hosts.values():
            host.abandon()
        for line in self._lines.values():
            line.stop()
        self._hosts = {}
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        self._now(_gather(tasks))
        self._now(self.store.reopen())

    def restart(self, *, after: float = 0.0) -> None:
        """A power cut of ``after`` seconds; scales keep what lies on them."""
        self.crash()
        self.loop.advance(after)
        self.start()

    def close(self) -> None:
        """Switch everything off. Raises AssertionError when something went wrong that no scenario had ordered."""
        self._close()
        self._raise_unexpected()

    def _close(self) -> None:
        self.crash()
        self._cleanup.close()
        self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Of two failures the first is told.
        if kind is None:
            self.close()
        else:
            self._close()

    # Time ------------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that falls due in it."""
        if not self._hosts:
            raise EngineError("this world's gateway is not running; start() it first")
        self.loop.advance(seconds)
        self._raise_unexpected()

    def until(self, is_so: Callable[[], bool], *, within: float = 60.0) -> float:
        """Let time pass until something is so; gives the seconds that took. Raises AssertionError when it never is."""
        begun = self.clock.monotonic()
        while not is_so():
            if self.clock.monotonic() - begun > within:
                places = ", ".join(f"{name}: {' '.join(host.states)}" for name, host in self._hosts.items())
                raise AssertionError(f"not so within {within:g} s; the machines are at {places}")
            self.advance(_UNTIL_STEP_S)
        return self.clock.monotonic() - begun

    # What happens ----------------------------------------------------------------------------------------------------

    def card(self, uid: str, line: str | None = None) -> None:
        """Touch a card to the reader, so shortly that it is seen once."""
        self._line(line).touch(uid)

    def leave_card(self, uid: str, line: str | None = None) -> None:
        """Put a card on the reader and let it lie there: the reader sees it again and again."""
        self._line(line).lay(uid)
        self._cards[line or self.lines[0]] = uid

    def take_card(self, line: str | None = None) -> None:
        """Take the card off the reader; it has left a second later."""
        self._line(line).lay(None)
        self._cards.pop(line or self.lines[0], None)

    def put(self, weight: Quantity, line: str | None = None, *, settle: float = 0.5) -> None:
        """Lay a box on the scale; its display rises and wobbles for ``settle`` seconds."""
        self.scale(line).put(weight, settle=settle)

    def remove(self, line: str | None = None) -> None:
        """Take the box away."""
        self.scale(line).remove()

    def weigh(self, uid: str, weight: Quantity, line: str | None = None) -> None:
        """One box from card to empty scale: 3 s, and enough with the settings that ship."""
        self.card(uid, line)
        self.put(weight, line)
        self.advance(2.5)
        self.remove(line)
        self.advance(0.5)

    def scale(self, line: str | None = None) -> TwinScale:
        """A line's scale, for everything else that it may do; the first line's when none is named."""
        return self.scales[line or self.lines[0]]

    def pause_scale(self, seconds: float, line: str | None = None) -> None:
        """Let a scale send nothing for so long; the link itself stays up."""
        self._line(line).silent_until = self.clock.monotonic() + seconds

    def lose_scale(self, line: str | None = None) -> None:
        """The scale's port vanishes."""
        self._line(line).disconnect("the port vanished")

    def restore_scale(self, line: str | None = None) -> None:
        """The scale's port is back."""
        self._line(line).connect()

    def tell(self, machine: str | None, event: Event) -> None:
        """Give any event to a machine; the first line's when none is named."""
        self._host(machine).post(event)

    # What came of it -------------------------------------------------------------------------------------------------

    def states(self, machine: str | None = None) -> tuple[str, ...]:
        """The active atomic states of a machine (or of the first line's); none after a fault, until its restart."""
        host = self._host(machine)
        return host.states if host.interpreter.is_running else ()

    def is_in(self, state: str, machine: str | None = None) -> bool:
        """Whether a state, compound or not, is active."""
        interpreter = self._host(machine).interpreter
        return interpreter.is_running and state in interpreter.configuration

    def faults(self, machine: str | None = None) -> int:
        """How often a machine has been started anew by its host since the gateway was switched on."""
        return self._host(machine).faults

    def data(self, name: str, machine: str | None = None) -> object:
        """What a machine remembers under a name of its chart's ``data:``."""
        return self._host(machine).interpreter.data[name]

    def been_in(self, machine: str | None = None) -> list[str]:
        """Every atomic state that a machine has been in, in order."""
        name = machine or self.lines[0]
        return [state for change in self.history if change.machine == name for state in change.states]

    @property
    def records(self) -> list[WeighingRecord]:
        """The committed records, oldest first, whatever became of them."""
        return list(self._now(self._memory.records_after(0, _EVERYTHING)))

    @property
    def gateway(self) -> StoredGateway:
        """The gateway's row in the store."""
        gateway = self._now(self.store.inner.load_gateway())
        assert gateway is not None
        return gateway

    def shown_patterns(self, line: str | None = None) -> list[str]:
        """The patterns that a line's signal showed, in order."""
        return [shown.pattern for shown in self.signals if shown.line == (line or self.lines[0])]

    def messages_logged(self, level: str | None = None) -> list[str]:
        """What charts wrote to the log."""
        return [
            str(entry["message"])
            for entry in self.logs
            if entry["event"] == "chart.log" and level in {None, entry["log_level"]}
        ]

    # The gateway itself ----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        router = Router()
        weights = LatestWeights()
        services = GatewayServices(self.store, self.server, IDENTITY, self._unit, clock=self.clock)
        stream = WeightStream(
            self.server.connect, services.credentials, weights, self._unit, names_lines=len(self.lines) > 1
        )
        around = Surroundings(
            clock=self.clock,
            loop=self.loop,
            services={**services.table(), "stream.session": stream.session, **self._terminals.table()},
            performers={
                "stream.send_latest": stream.send_latest,
                "signal.show": self._show,
                **self._terminals.performers(),
            },
            route=router.route,
            spawn=self._spawn,
            snapshots=self.store,
        )
        for index, (name, (chart, settings)) in enumerate(self._charts.items()):
            # Every start has seeds of its own: a uuid must not come again after a power cut.
            seed = hash((self._seed, self._starts, index))
            machine = _machine_class(str(chart))(settings, clock=self.clock, seed=seed)
            host = MachineHost(name, machine, around, on_change=self._note_change)
            self._hosts[name] = host
            router.add(name, host.post, is_line=name in self.scales)
        before = self._lines
        self._lines = {name: self._make_line(name, weights, self._hosts[name].post) for name in self.scales}
        for name, line in before.items():  # a power cut mends no cable
            self._lines[name].is_connected = line.is_connected

    def _make_line(self, name: str, weights: LatestWeights, post: Callable[[Event], None]) -> TwinLine | TwinTerminal:
        interval = self._scale_interval
        return TwinLine(name, self.scales[name], interval, clock=self.clock, loop=self.loop, weights=weights, post=post)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _show(self, machine: str, pattern: str) -> None:
        self.signals.append(Signal(machine, pattern, self.clock.monotonic()))

    def _note_change(self, host: MachineHost) -> None:
        self.history.append(Change(host.name, host.states, self.clock.monotonic()))

    def _line(self, line: str | None) -> TwinLine | TwinTerminal:
        self._host(line)
        return self._lines[line or self.lines[0]]

    def _host(self, machine: str | None) -> MachineHost:
        if not self._hosts:
            raise EngineError("this world's gateway is not running; start() it first")
        return self._hosts[machine or self.lines[0]]

    def _now(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run(work)

    def _raise_unexpected(self) -> None:
        bugs = [str(entry.get("exception", entry["event"])) for entry in self.logs if entry["event"] in _BUGS]
        bugs += [str(context.get("exception", context["message"])) for context in self._unexpected]
        if bugs:
            raise AssertionError("something went wrong behind the scenario's back:\n" + "\n".join(bugs))


@cache
def _machine_class(chart: str) -> Any:
    return machine_class(load_chart(chart, shipped_registry()))


async def _gather(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
