"""What a terminal is to show, switch, say, print and keep warm, and what came of it. Pure: it is told the time.

The loop gives orders, the port's thread turns them into requests; a lock stands between the two. What is shown and
switched is a state that rides on every poll; what is said and printed waits in a bounded queue until the terminal is
free, and every such order is answered once.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeVar

from engine.errors import EngineError
from parsers.suwol import PrinterState, TerminalReply, climate_request, poll_request, print_request

What = Literal["printer", "voice", "climate"]
Came = Literal["done", "no_paper", "busy_too_long", "failed"]

MOST_JOBS: Final = 4
MOST_VOICES: Final = 8
BUSY_LIMIT_S: Final = 20.0  # a receipt takes a second or two
PLAY_LIMIT_S: Final = 15.0
BEGIN_WITHIN_S: Final = 1.5  # a printer that has not said busy by then has not got its job
CLIMATE_EVERY_S: Final = 1.0
CLIMATE_TRIES: Final = 3
_SILENCE: Final = 0  # the voice number that says nothing


Item = TypeVar("Item")


class OrderRefusedError(EngineError):
    """An order does not fit its field, or too many wait already. The text says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order. ``order`` is what was ordered: a voice's number, a print's ticket."""

    what: What
    came: Came
    order: int = 0
    reason: str = ""


@dataclass(slots=True)
class _Job:
    ticket: int
    data: bytes
    copies: int
    since: float | None = None  # waiting, then being printed
    has_begun: bool = False


@dataclass(slots=True)
class _Voice:
    number: int
    since: float | None = None
    is_heard: bool = False  # the poll that carried it was answered
    has_begun: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """The next thing to send. Only a poll is answered by a reply of its own."""

    data: bytes
    is_poll: bool


@dataclass(slots=True)
class _Climate:
    fan: int
    heater: int
    tries: int = 0
    next_at: float = 0.0


@dataclass(slots=True)
class _Panel:
    """What rides on every poll."""

    weight: Decimal | None = None
    text: str = ""
    relays: int = 0


@dataclass(slots=True)
class _Seen:
    """What the last reply said, if the last poll was answered."""

    printer: PrinterState | None = None
    voice: int | None = None
    set_points: tuple[int, int] | None = None


@dataclass(slots=True)
class _State:
    panel: _Panel = field(default_factory=_Panel)
    voices: deque[_Voice] = field(default_factory=deque)
    voice: _Voice | None = None  # being said
    carries_voice: bool = False  # the request that is under way does
    jobs: deque[_Job] = field(default_factory=deque)
    job: _Job | None = None  # being printed
    climate: _Climate | None = None
    seen: _Seen = field(default_factory=_Seen)


class Orders:
    """The orders for one terminal. Every method may be called from any thread.

    ``terminal`` is its id, 0 to 9.
    """

    def __init__(self, terminal: int = 0) -> None:
        self.terminal = terminal
        self._lock = threading.Lock()
        self._now = _State()
        self._tickets = 0

    # Orders --------------------------------------------------------------------------------------------------------

    def show(self, weight: Decimal | None, text: str) -> None:
        """Show this from the next poll on. What does not fit is refused, and then nothing is shown in its place.

        Raises OrderRefusedError.
        """
        with self._lock:
            panel = self._now.panel
            # Not the old one either: it would be taken for the new one.
            panel.weight, panel.text = None, ""
            try:
                poll_request(self.terminal, weight=weight, text=text)
            except ValueError as error:
                raise OrderRefusedError(str(error)) from error
            panel.weight, panel.text = weight, text

    def light(self, relays: int) -> None:
        """Switch green and red from the next poll on. Raises OrderRefusedError for any other relay."""
        try:
            poll_request(self.terminal, relays=relays)
        except ValueError as error:
            raise OrderRefusedError(str(error)) from error
        with self._lock:
            self._now.panel.relays = relays

    def say(self, voice: int) -> None:
        """Say it when what is playing has ended; one that waits already is not said twice. Raises OrderRefusedError."""
        try:
            poll_request(self.terminal, voice=voice)
        except ValueError as error:
            raise OrderRefusedError(str(error)) from error
        with self._lock:
            waiting = self._now.voices
            if any(other.number == voice for other in waiting):
                return
            if len(waiting) >= MOST_VOICES:
                raise OrderRefusedError(f"{MOST_VOICES} voices wait already")
            waiting.append(_Voice(voice))

    def print(self, data: bytes, copies: int = 1) -> int:
        """Print when the printer is ready; the ticket that its answer will carry. Raises OrderRefusedError."""
        try:
            print_request(self.terminal, data, copies)
        except ValueError as error:
            raise OrderRefusedError(str(error)) from error
        with self._lock:
            if len(self._now.jobs) >= MOST_JOBS:
                raise OrderRefusedError(f"{MOST_JOBS} receipts wait for the printer already")
            self._tickets += 1
            self._now.jobs.append(_Job(self._tickets, data, copies))
            return self._tickets

    def withdraw(self, ticket: int) -> bool:
        """Do not print what was not sent yet; whether it was still waiting."""
        with self._lock:
            waiting = [job for job in self._now.jobs if job.ticket != ticket]
            was_waiting = len(waiting) < len(self._now.jobs)
            self._now.jobs = deque(waiting)
            return was_waiting

    def set_climate(self, fan: int, heater: int) -> None:
        """Set fan and heater, and see that the terminal has taken it. Raises OrderRefusedError."""
        try:
            climate_request(self.terminal, fan, heater)
        except ValueError as error:
            raise OrderRefusedError(str(error)) from error
        with self._lock:
            self._now.climate = _Climate(fan, heater)

    def farewell(self) -> bytes:
        """The last request: a terminal whose master is gone shows nothing and invites nobody."""
        return poll_request(self.terminal)

    # The wire ------------------------------------------------------------------------------------------------------

    def next_request(self, now: float) -> Request:
        """What to send now."""
        with self._lock:
            state = self._now
            state.carries_voice = False
            if state.jobs and state.job is None and state.seen.printer == "ready":
                state.job = job = state.jobs.popleft()
                job.since = None  # from the next reply on: sending it takes its time as well
                state.seen.printer = None  # 'only while the last reply said ready': the next one has to come first
                return Request(print_request(self.terminal, job.data, job.copies), is_poll=False)
            if (climate := self._climate_due(now)) is not None:
                return Request(climate_request(self.terminal, climate.fan, climate.heater), is_poll=False)
            panel = state.panel
            request = poll_request(
                self.terminal, weight=panel.weight, text=panel.text, relays=panel.relays, voice=self._next_voice(now)
            )
            return Request(request, is_poll=True)

    def replied(self, reply: TerminalReply, now: float) -> list[Answer]:
        """The poll that was sent last is answered."""
        with self._lock:
            state = self._now
            state.seen = _Seen(reply.printer, reply.voice, (reply.fan, reply.heater))
            return [*self._voice_goes_on(now), *self._job_goes_on(now), *self._climate_goes_on(now)]

    def missed(self) -> None:
        """The poll that was sent last is not answered: nothing is known of the terminal until the next one is."""
        with self._lock:
            self._now.seen = _Seen()

    def lost(self, reason: str) -> list[Answer]:
        """The terminal is gone: nothing that waits for it will ever be said or printed."""
        with self._lock:
            state = self._now
            answers = [Answer("voice", "failed", voice.number, reason) for voice in _both(state.voice, state.voices)]
            answers += [Answer("printer", "failed", job.ticket, reason) for job in _both(state.job, state.jobs)]
            self._now = _State(panel=state.panel, climate=state.climate)
            return answers

    # Voice ---------------------------------------------------------------------------------------------------------

    def _next_voice(self, now: float) -> int:
        state = self._now
        if state.voice is None and state.voices and state.seen.voice == _SILENCE:
            state.voice = state.voices.popleft()
            state.voice.since = now
        voice = state.voice
        # Not again on the next poll when this one is not answered: it may be playing.
        if voice is None or voice.is_heard or state.seen.voice != _SILENCE:
            return _SILENCE
        state.carries_voice = True
        return voice.number

    def _voice_goes_on(self, now: float) -> list[Answer]:
        state, playing = self._now, self._now.seen.voice
        voice = state.voice
        if voice is None:
            return self._voices_wait(now)
        voice.is_heard |= state.carries_voice
        since = now if voice.since is None else voice.since
        if playing == voice.number:
            voice.is_heard = voice.has_begun = True
        elif voice.has_begun and playing == _SILENCE:
            return self._voice_ends("done")
        if voice.has_begun and now - since > PLAY_LIMIT_S:
            return self._voice_ends("busy_too_long")
        if not voice.has_begun and voice.is_heard and now - since > BEGIN_WITHIN_S:
            return self._voice_ends("failed", "it was never played")
        return []

    def _voice_ends(self, came: Came, reason: str = "") -> list[Answer]:
        voice, self._now.voice = self._now.voice, None
        return [] if voice is None else [Answer("voice", came, voice.number, reason)]

    def _voices_wait(self, now: float) -> list[Answer]:
        """Something else plays: so long, and what waits is not said any more."""
        answers: list[Answer] = []
        voices = self._now.voices
        for voice in voices:
            voice.since = now if voice.since is None else voice.since
        while voices and now - (voices[0].since or now) > PLAY_LIMIT_S:
            answers.append(Answer("voice", "busy_too_long", voices.popleft().number))
        return answers

    # Printer -------------------------------------------------------------------------------------------------------

    def _job_goes_on(self, now: float) -> list[Answer]:
        state, printer = self._now, self._now.seen.printer
        job = state.job
        if job is None:
            return self._jobs_wait(now)
        job.since = now if job.since is None else job.since
        took = now - job.since
        if printer == "no_paper":
            return self._job_ends("no_paper")
        if printer == "busy":
            job.has_begun = True
            return self._job_ends("busy_too_long") if took > BUSY_LIMIT_S else []
        if job.has_begun:
            return self._job_ends("done")
        if took > BEGIN_WITHIN_S:
            return self._job_ends("failed", "the printer never began: it may not have got the receipt")
        return []

    def _job_ends(self, came: Came, reason: str = "") -> list[Answer]:
        job, self._now.job = self._now.job, None
        return [] if job is None else [Answer("printer", came, job.ticket, reason)]

    def _jobs_wait(self, now: float) -> list[Answer]:
        jobs, answers = self._now.jobs, list[Answer]()
        for job in jobs:
            job.since = now if job.since is None else job.since
        if self._now.seen.printer == "no_paper":
            answers = [Answer("printer", "no_paper", job.ticket) for job in jobs]
            jobs.clear()
        while jobs and now - (jobs[0].since or now) > BUSY_LIMIT_S:
            answers.append(Answer("printer", "busy_too_long", jobs.popleft().ticket))
        return answers

    # Fan and heater ------------------------------------------------------------------------------------------------

    def _climate_due(self, now: float) -> _Climate | None:
        climate, seen = self._now.climate, self._now.seen.set_points
        if climate is None or seen in {None, (climate.fan, climate.heater)} or now < climate.next_at:
            return None
        if climate.tries >= CLIMATE_TRIES:
            return None
        climate.tries += 1
        climate.next_at = now + CLIMATE_EVERY_S
        return climate

    def _climate_goes_on(self, now: float) -> list[Answer]:
        climate = self._now.climate
        if climate is None:
            return []
        if self._now.seen.set_points == (climate.fan, climate.heater):
            self._now.climate = None
            return [Answer("climate", "done")]
        if climate.tries >= CLIMATE_TRIES and now >= climate.next_at:
            self._now.climate = None
            return [Answer("climate", "failed", reason=f"the terminal keeps to {self._now.seen.set_points}")]
        return []


def _both(now: Item | None, waiting: deque[Item]) -> list[Item]:
    return [*([] if now is None else [now]), *waiting]
