"""A terminal and its master on virtual time: every byte takes its time on the wire."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from engine.clock import VirtualClock
from engine.devices.terminal.exchange import Exchange
from engine.devices.terminal.orders import Answer, Orders
from engine.sim.terminal import SimulatedTerminal
from parsers.suwol import REPLY_LENGTH, TerminalReply
from parsers.suwol_device import weight_field

BYTE_S = 10 / 9600


class Played:
    """What a master and a terminal told each other until now."""

    def __init__(self, period: float = 0.15, terminal: int = 0) -> None:
        self.clock = VirtualClock()
        self.orders = Orders(terminal)
        self.exchange = Exchange(self.orders, period, BYTE_S)
        self.weight: Decimal | None = Decimal("12.340")
        self.device = SimulatedTerminal(lambda at: weight_field(self.weight, is_stable=True), terminal=terminal)
        self.is_plugged_in = True
        self.sent: list[tuple[float, bytes]] = []
        self.replies: list[TerminalReply] = []
        self.answers: list[Answer] = []
        self.strangers: list[int] = []
        self._arriving: list[tuple[float, bytes]] = []
        self.exchange.begin(0.0)

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    @property
    def cards(self) -> list[str]:
        return [reply.card for reply in self.replies if reply.card]

    @property
    def keys(self) -> list[str]:
        return [reply.key.value for reply in self.replies if reply.key]

    def came(self, what: str) -> list[str]:
        return [answer.came for answer in self.answers if answer.what == what]

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self._arriving += [
                (at + REPLY_LENGTH * BYTE_S, frame) for at, frame in self.device.frames(math.inf) if self.is_plugged_in
            ]
            self._arriving.sort(key=lambda arrival: arrival[0])
            arrives = self._arriving[0][0] if self._arriving else math.inf
            at = min(arrives, max(self.exchange.wake_at, self.now))
            if at > end:
                break
            self.clock.advance_to(at)
            if arrives <= at:
                told = self.exchange.receive(self._arriving.pop(0)[1], self.now)
                self.replies += told.replies
                self.answers += told.answers
                self.strangers += told.strangers
            elif (request := self.exchange.tick(self.now)) is not None:
                self.sent.append((self.now, request))
                if self.is_plugged_in:
                    self.device.receive(request, self.now)
        self.clock.advance_to(end)

    def until(self, claim: Callable[[], object], within: float = 60.0) -> None:
        end = self.now + within
        while not claim():
            assert self.now < end, "it never came to that"
            self.advance(0.05)
