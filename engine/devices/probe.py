"""What hangs on a port: found out by listening at one line setting after another, and by asking where that is allowed.

Only the baud rate is tried: a port that is open for eight data bits shows a parity as the eighth bit, so that the bytes
themselves tell 7E1 from 8N1. A question is sent only if no byte of it could zero, tare or print on any known device.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import serial

from engine.clock import Clock
from engine.devices.dial import Waker
from engine.devices.inventory import port_user, resolve_port
from engine.devices.looks import Parity, hex_lines, text_share
from engine.devices.panel import LATELY, Evidence, Panel
from engine.devices.port import FailureKind, PortSettings, close_quietly, explain, make_port, open_port
from engine.devices.wire import Wire, make_wire
from engine.errors import EngineError
from parsers import LineSettings, ProtocolInfo, Reading

DEFAULT_S: Final = 15.0
# What else scales and readers are set to.
_COMMON: Final = (9600, 19200, 4800, 2400, 115200, 57600, 38400, 1200)
_READ_S: Final = 0.05
_IDLE_S: Final = 0.05  # on a line: the end of what was sent in one go; longer than the 16 ms of a USB adapter
_SURE_FRAMES: Final = 4
_SURE_S: Final = 1.0
_UNSURE_S: Final = 3.0  # frames come, but too few to be sure
_WRONG_BURSTS: Final = 2  # sent in one go and heard whole, without a frame
_WRONG_S: Final = 1.2
_WRONG_BYTES: Final = 100
_SILENT_S: Final = 4.0  # at the first setting: a byte at a wrong one would show as well
_SILENT_AGAIN_S: Final = 1.2
_ANSWER_S: Final = 0.6
_ASK_AFTER_S: Final = 1.5  # of silence
_ASKED_TIMES: Final = 4
_ASKED_RATES: Final = 4
_TEXT: Final = 0.9
_NETWORK: Final = frozenset({"socket"})  # the serial server holds the line settings
# Zero, tare, print, and what re-zeroes an A&D: one letter on many scales, also where it comes with a parity.
_HARMFUL: Final = frozenset(letter | parity for letter in b"ZTPR" for parity in (0, 0x80)) | frozenset(b"ztpr")
_SARTORIUS: Final = re.compile(rb"\x1b[A-Za-z\xc1-\xfa]")  # its commands: escape and a letter

Verdict = Literal["frames", "no_frames", "no_bytes", "in_use", "not_open"]


@dataclass(frozen=True, slots=True)
class Found:
    """A protocol that reads what a port sends, and how its line is set (None: nobody knows, behind a network)."""

    info: ProtocolInfo
    line: LineSettings | None
    frames: int
    readings: tuple[Reading, ...]  # the newest


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What is on a port. ``reason`` says why it could not be listened to; ``data`` is what came without a frame in it.

    ``guess``: the setting at which that looks like text. ``was_asked``: it said nothing by itself.
    """

    port: str
    verdict: Verdict
    reason: str = ""
    found: tuple[Found, ...] = ()
    data: bytes = field(default=b"", repr=False)
    guess: LineSettings | None = None
    was_asked: bool = False

    @property
    def hex_view(self) -> list[str]:
        """The first of what came, as hex and text."""
        is_seven_bit = self.guess is not None and self.guess.data_bits == 7  # noqa: PLR2004 - 7E1, 7O1
        return list(hex_lines(self.data[:128], is_seven_bit=is_seven_bit))


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """``protocols``: what is looked for. ``seconds``: how long at most. ``may_ask``: questions may be sent."""

    protocols: tuple[ProtocolInfo, ...]
    seconds: float = DEFAULT_S
    may_ask: bool = False


def is_harmless(question: bytes) -> bool:
    """Whether a question may be sent to a device of which nothing is known: no byte of it is a command to change."""
    return _HARMFUL.isdisjoint(question) and not _SARTORIUS.search(question)


def baudrates(protocols: Sequence[ProtocolInfo]) -> list[int]:
    """Those to try, the most likely first: what most protocols leave the factory with, then the common ones."""
    counted = Counter(info.line.baudrate for info in protocols)
    return list(dict.fromkeys([*(rate for rate, _ in counted.most_common(1)), *_COMMON, *counted]))


def questions(protocols: Sequence[ProtocolInfo], rates: Sequence[int | None]) -> dict[tuple[bytes, LineSettings], None]:
    """The harmless questions, each once with each line to ask it on: first as its devices leave the factory."""
    asked = [(info.ask, info.line) for info in protocols if info.ask is not None and is_harmless(info.ask)]
    others = [(ask, replace(line, baudrate=rate)) for rate in rates if rate is not None for ask, line in asked]
    return dict.fromkeys([*asked, *others])


def probe_ports(ports: Sequence[str], settings: ProbeSettings, clock: Clock) -> Iterator[ProbeResult]:
    """Probe several ports at once; each result as soon as it is known. Leaving early ends the other probes."""
    probes = [Probe(port, settings, clock) for port in ports]
    with ThreadPoolExecutor(max(1, len(probes)), thread_name_prefix="probe") as pool:
        try:
            for done in as_completed([pool.submit(probe.run) for probe in probes]):
                yield done.result()
        finally:
            for probe in probes:
                probe.stop()


class Probe:
    """One port. :meth:`run` blocks, in a thread of its own if there are several; :meth:`stop` ends it from another."""

    def __init__(self, port: str, settings: ProbeSettings, clock: Clock) -> None:
        self.port = port
        self._settings = settings
        self._clock = clock
        self._waker = Waker()
        self._first = PortSettings(port, baudrates(settings.protocols)[0])
        self._ends_at = 0.0
        self._heard: list[tuple[LineSettings | None, bytes]] = []  # at each setting at which bytes came, but no frames

    def stop(self) -> None:
        """End :meth:`run` soon: it gives what it has."""
        self._waker.stop()

    def run(self) -> ProbeResult:
        """Find out what is on the port. Never raises for what a port can do wrong."""
        self._ends_at = self._clock.monotonic() + self._settings.seconds
        user = self._user()
        if user is not None:
            return ProbeResult(self.port, "in_use", f"port '{self.port}' is in use by {user}; it is left alone")
        self._waker.open()
        try:
            return self._opened()
        finally:
            self._waker.close()

    def _user(self) -> str | None:
        with suppress(EngineError):  # it is told when the port is opened
            return port_user(resolve_port(self.port))
        return None

    def _opened(self) -> ProbeResult:
        port = None
        try:
            port = make_port(self._first, self._waker, _READ_S)
            open_port(port, self._first)
            return self._searched(port, make_wire(port, self._waker))
        except Exception as error:  # noqa: BLE001 - whatever a back end raises, the port cannot be listened to
            failure = explain(self._first, error)
            verdict: Verdict = "in_use" if failure.kind is FailureKind.BUSY else "not_open"
            return ProbeResult(self.port, verdict, failure.reason)
        finally:
            if port is not None:
                close_quietly(port)

    def _searched(self, port: serial.Serial, wire: Wire) -> ProbeResult:
        rates: list[int | None] = [None]
        if self._first.scheme not in _NETWORK:
            rates = [*baudrates(self._settings.protocols)]
        if self._settings.may_ask:
            silence, asks = _ASK_AFTER_S, True
        else:
            silence, asks = _SILENT_S, False
        for rate in itertools.cycle(rates):
            if self._is_over() or (self._heard and rate == rates[0]):
                break  # or every setting has had its turn
            panel = self._listen(port, wire, rate, silence)
            silence = _SILENT_AGAIN_S
            if fits := panel.fits():
                return self._result(fits, _line(rate, panel.parity))
            if asks and not panel.total:
                asks = False
                answered = self._ask_all(port, wire, rates)
                if answered is not None:
                    return answered
        return self._unknown()

    def _is_over(self) -> bool:
        return self._clock.monotonic() >= self._ends_at or self._waker.stopping.is_set()

    # Listening -------------------------------------------------------------------------------------------------------

    def _listen(self, port: serial.Serial, wire: Wire, rate: int | None, silence: float) -> Panel:
        """Listen at one speed until it is clear whether that is the right one."""
        if rate is not None:
            _set_line(port, LineSettings(rate))
        panel = Panel(self._settings.protocols)
        ear = _Ear(self._clock.monotonic(), silence, None if rate is None else 10 / rate)
        while not self._is_over():
            data = wire.read() if wire.wait(_IDLE_S) else b""
            now = self._clock.monotonic()
            for _ in panel.feed(data) if data else ():
                pass
            if ear.has_heard_enough(data, now, panel):
                break
            if ear.is_first_pause(data) and not panel.frames:
                panel = Panel(self._settings.protocols)  # what was cut in two by the change of speed tells nothing
        if panel.total and not panel.fits():
            self._heard.append((_line(rate, panel.parity), bytes(panel.kept)))
        return panel

    # Asking ----------------------------------------------------------------------------------------------------------

    def _ask_all(self, port: serial.Serial, wire: Wire, rates: Sequence[int | None]) -> ProbeResult | None:
        """Ask every harmless question, each first as its devices leave the factory."""
        for question, line in questions(self._settings.protocols, rates[:_ASKED_RATES]):
            if self._is_over():
                break
            result = self._ask(port, wire, question, None if rates[0] is None else line)
            if result is not None:
                return result
        return None

    def _ask(self, port: serial.Serial, wire: Wire, question: bytes, line: LineSettings | None) -> ProbeResult | None:
        if line is not None:
            _set_line(port, line)
        panel = Panel(self._settings.protocols)
        for _ in range(_ASKED_TIMES):
            port.write(question)
            if not self._hear_answer(wire, panel):
                break
            if fits := panel.fits():
                known = None if line is None else _line(line.baudrate, panel.parity) if panel.parity else line
                return replace(self._result(fits, known), was_asked=True)
        if panel.total:
            self._heard.append((line, bytes(panel.kept)))
        return None

    def _hear_answer(self, wire: Wire, panel: Panel) -> bool:
        """Hear one answer to its end; whether there was one."""
        before, until = panel.total, self._clock.monotonic() + _ANSWER_S
        while not self._is_over() and self._clock.monotonic() < until:
            if wire.wait(_IDLE_S):
                for _ in panel.feed(wire.read()):
                    pass
            elif panel.total > before:
                break
        return panel.total > before

    # Results ---------------------------------------------------------------------------------------------------------

    def _result(self, fits: Sequence[Evidence], line: LineSettings | None) -> ProbeResult:
        found = tuple(Found(each.info, line, each.frames, tuple(each.readings)) for each in fits)
        return ProbeResult(self.port, "frames", found=found)

    def _unknown(self) -> ProbeResult:
        if not self._heard:
            return ProbeResult(self.port, "no_bytes")
        # The newest of it: a device that never pauses was heard from the middle of a byte on.
        likely = max(self._heard, key=lambda heard: text_share(heard[1][-LATELY:]))
        is_text = text_share(likely[1][-LATELY:]) >= _TEXT
        line, data = likely if is_text else self._heard[0]
        return ProbeResult(self.port, "no_frames", data=data, guess=line if is_text else None)


class _Ear:
    """Judges, from the rhythm of what comes, when a speed has been listened to for long enough."""

    def __init__(self, began: float, silence: float, byte_time: float | None) -> None:
        self._began = began
        self._silence = silence
        # Behind a network the line is what it is: there is no other speed to go on to.
        self._wrong_after = None if byte_time is None else max(_WRONG_S, _WRONG_BYTES * byte_time)
        self._first_at: float | None = None
        self._is_whole = False  # what comes now began after a pause
        self._is_in_burst = False
        self._has_paused = False
        self._bursts = 0

    def has_heard_enough(self, data: bytes, now: float, panel: Panel) -> bool:
        """Take what came within one idle time; whether that is enough to judge by."""
        self._note(data, now)
        if self._first_at is None:
            return now - self._began >= self._silence
        heard_for = now - self._first_at
        if panel.frames:
            return heard_for >= _SURE_S and (panel.frames >= _SURE_FRAMES or heard_for >= _UNSURE_S)
        if self._wrong_after is None:
            return False
        return self._bursts >= _WRONG_BURSTS or heard_for >= self._wrong_after

    def is_first_pause(self, data: bytes) -> bool:
        """Whether the line has just fallen silent for the first time."""
        is_first = not data and not self._has_paused
        self._has_paused = self._has_paused or not data
        return is_first

    def _note(self, data: bytes, now: float) -> None:
        if data:
            self._first_at = now if self._first_at is None else self._first_at
            self._is_in_burst = True
            return
        self._bursts += self._is_in_burst and self._is_whole
        self._is_in_burst = False
        self._is_whole = True


def _line(rate: int | None, parity: Parity | None) -> LineSettings | None:
    if rate is None:
        return None
    return LineSettings(rate) if parity is None else LineSettings(rate, data_bits=7, parity=parity)


def _set_line(port: serial.Serial, line: LineSettings) -> None:
    """Set an open port otherwise and forget what it had heard before."""
    _set_bits(port, LineSettings())
    port.baudrate = line.baudrate
    if not _set_bits(port, line):
        _set_bits(port, LineSettings())
    port.reset_input_buffer()


def _set_bits(port: serial.Serial, line: LineSettings) -> bool:
    """Whether the port took it: a pseudo-terminal has eight bits and no parity, and answers EINVAL or nothing."""
    taken = True
    for name, value in (("bytesize", line.data_bits), ("parity", line.parity), ("stopbits", line.stop_bits)):
        try:
            setattr(port, name, value)
        except Exception:  # noqa: BLE001 - termios.error, ValueError, SerialException, by platform
            taken = False
    return taken
