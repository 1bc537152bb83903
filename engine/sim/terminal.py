"""A SUWOL-1000 at the other end of a line, without I/O: it takes its master's bytes and gives its replies, in time.

Like the device it has one slot for what people do: a card or a key is gone once it was read, after three seconds, and
when the next one comes. It plays one voice at a time, and prints one receipt at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.sim.devices import SimulatedScale
from parsers.suwol import GREEN, RED, Key, PrinterState
from parsers.suwol_device import Climate, Poll, Print, Request, RequestCutter, reply_frame, weight_field

SLOT_KEPT_S: Final = 3.0
VOICE_S: Final = 1.5
TURNAROUND_S: Final = 0.002
PRINT_BYTES_PER_S: Final = 1000.0
CUT_S: Final = 0.4
CAPACITY_KG: Final = Decimal(60)
_BITS_PER_BYTE: Final = 10  # 8N1

# A reply that would be sent at a time -> the replies that are: late, twice, of another terminal, or none.
Mangle = Callable[[float, bytes], Iterable[tuple[float, bytes]]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came out of the printer, and when it was cut."""

    data: bytes
    at: float


@dataclass(slots=True)
class _Slot:
    card: str | None
    key: Key | None
    at: float


class SimulatedTerminal:
    """One terminal. ``weigh(at)`` gives the 16 characters of its weight. Times are a clock's monotonic seconds."""

    def __init__(self, weigh: Callable[[float], bytes], *, baudrate: int = 9600, terminal: int = 0) -> None:
        self.terminal = terminal
        self.byte_time = _BITS_PER_BYTE / baudrate
        self.relays = 0
        self.shown = Poll(terminal, "", "", 0, 0)
        self.voices: list[tuple[float, int]] = []  # what was played, and since when
        self.receipts: list[Receipt] = []
        self.refused_prints = 0  # sent while the printer was not ready, and lost
        self.has_paper = True
        self.is_jammed = False  # a printer that is busy and stays so
        self.set_points = (30, 5)
        self.mangle: Mangle | None = None
        self._weigh = weigh
        self._requests = RequestCutter()
        self._received_until = 0.0
        self._slot: _Slot | None = None
        self._voice_ends = 0.0
        self._printing_ends = 0.0
        self._replies: list[tuple[float, bytes]] = []

    # What people do --------------------------------------------------------------------------------------------------

    def touch(self, card: str, now: float) -> None:
        """A card is held to the reader."""
        self._slot = _Slot(card, None, now)

    def take_away(self) -> None:
        """The card is taken away; what the slot holds, it holds."""

    def press(self, key: Key, now: float) -> None:
        """A value is typed, and one of the keys N, C, M or P."""
        self._slot = _Slot(None, key, now)

    @property
    def is_green(self) -> bool:
        """Whether the green light is on."""
        return bool(self.relays & GREEN)

    @property
    def is_red(self) -> bool:
        """Whether the red light is on."""
        return bool(self.relays & RED)

    # The line --------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Bytes of the master begin to come at ``now``; each takes its time on the wire."""
        if not data:
            return
        self._received_until = max(now, self._received_until) + len(data) * self.byte_time
        for request in self._requests.feed(data):
            if request.terminal == self.terminal:
                self._obey(request, self._received_until)

    def frames(self, now: float) -> Iterator[tuple[float, bytes]]:
        """The replies that begin until ``now``, each with that time."""
        due = [reply for reply in self._replies if reply[0] <= now]
        self._replies = [reply for reply in self._replies if reply[0] > now]
        yield from due

    @property
    def next_frame_at(self) -> float | None:
        """When the next reply begins, if one is planned."""
        return min((at for at, _ in self._replies), default=None)

    # The device ------------------------------------------------------------------------------------------------------

    def _obey(self, request: Request, now: float) -> None:
        match request:
            case Poll(_, _, _, relays, voice):
                self.shown, self.relays = request, relays
                if voice and now >= self._voice_ends:
                    self.voices.append((now, voice))
                    self._voice_ends = now + VOICE_S
                self._answer(now)
            case Print(_, data, copies):
                self._print(data, copies, now)
            case Climate(_, fan, heater):
                self.set_points = (fan, heater)

    def _print(self, data: bytes, copies: int, now: float) -> None:
        if self._printer(now) != "ready":
            self.refused_prints += 1
            return
        self._printing_ends = now + copies * (len(data) / PRINT_BYTES_PER_S + CUT_S)
        self.receipts += [Receipt(data, self._printing_ends)] * copies

    def _printer(self, now: float) -> PrinterState:
        if not self.has_paper:
            return "no_paper"
        return "busy" if self.is_jammed or now < self._printing_ends else "ready"

    def _answer(self, now: float) -> None:
        slot, self._slot = self._slot, None
        is_fresh = slot is not None and now - slot.at <= SLOT_KEPT_S
        fan, heater = self.set_points
        frame = reply_frame(
            self._weigh(now),
            terminal=self.terminal,
            card=slot.card if slot is not None and is_fresh else None,
            key=slot.key if slot is not None and is_fresh else None,
            relays=self.relays,
            voice=self.voices[-1][1] if now < self._voice_ends else 0,
            fan=fan,
            heater=heater,
            printer=self._printer(now),
        )
        at = now + TURNAROUND_S
        self._replies += [(at, frame)] if self.mangle is None else self.mangle(at, frame)


def weigh_on(scale: SimulatedScale) -> Callable[[float], bytes]:
    """What a terminal says of a platform of the hall; more than its capacity is an overload."""

    def weigh(now: float) -> bytes:
        shown = scale.display(now)
        if shown.weight > CAPACITY_KG:
            return weight_field(None, is_stable=False, is_overload=True)
        return weight_field(shown.weight, is_stable=shown.is_stable)

    return weigh
