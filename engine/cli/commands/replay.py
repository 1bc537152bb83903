"""``engine replay``: a recording, played again into pseudo-terminals or straight through the charts."""

from __future__ import annotations

import math
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.command import OK, USAGE, Command, duration

if TYPE_CHECKING:
    from contextlib import ExitStack

    from engine.devices.recording import Recording
    from engine.ports import Card, WeighingRecord
    from engine.testing.replay import Replayed

_MAX = "max"


def _speed(text: str) -> float:
    if text == _MAX:
        return math.inf
    number = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else 0.0
    if number <= 0:
        raise ArgumentTypeError(f"'{text}' is no speed; write a number such as 10, or max")
    return number


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "recordings", type=Path, nargs="+", metavar="FILE", help="recordings, or folders of them, in their order"
    )
    parser.add_argument(
        "--into",
        choices=("pty", "chart"),
        required=True,
        help="pseudo-terminals, or the charts of a site on virtual time",
    )
    parser.add_argument(
        "--speed", type=_speed, metavar="N", help="pty: so many times as fast as it was (default: 1), or max"
    )
    parser.add_argument(
        "--after", type=duration, metavar="TIME", help="pty: wait so long before the first byte, as in 10s"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="chart: the site file (default: as for engine run)")
    parser.add_argument("--cards", type=Path, metavar="FILE.csv", help="chart: the cards that the site knows")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="chart: leave the database in this new or empty folder"
    )
    parser.add_argument(
        "--trace", type=Path, metavar="DIR", help="chart: write there what every machine did (see engine graph --trace)"
    )


def _run(arguments: Namespace) -> int:
    from engine.devices.recording import read_recording

    others = ("speed", "after") if arguments.into == "chart" else ("config", "cards", "keep", "trace")
    for name in others:
        if getattr(arguments, name) is not None:
            print(f"--{name} means nothing with --into {arguments.into}", file=sys.stderr)
            return USAGE
    recording = read_recording(arguments.recordings)
    return _into_charts(recording, arguments) if arguments.into == "chart" else _into_ptys(recording, arguments)


def _into_ptys(recording: Recording, arguments: Namespace) -> int:
    import asyncio

    from engine.clock import SystemClock
    from engine.sim.playback import play

    def opened(name: str, terminal: str) -> None:
        print(f"{name}: {terminal}", flush=True)

    def waiting(name: str) -> None:
        print(f"waiting: nobody reads {name}", file=sys.stderr, flush=True)

    speed = None if arguments.speed == math.inf else arguments.speed or 1.0
    after: float = arguments.after or 0.0
    played = asyncio.run(
        play(
            recording,
            recording.find_ports(),
            SystemClock(),
            speed=speed,
            after=after,
            opened=opened,
            waiting=waiting,
        )
    )
    _tell_torn(recording.torn)
    print(f"played {played.bytes_played} bytes in {played.entries} pieces in {played.seconds:.1f} s", file=sys.stderr)
    return OK


def _into_charts(recording: Recording, arguments: Namespace) -> int:
    import os
    from contextlib import ExitStack

    import structlog

    from engine.bindings.shipped import shipped_registry
    from engine.clock import SystemClock
    from engine.service import logs
    from engine.service.config import load_site
    from engine.service.traces import Traces
    from engine.testing.replay import replay

    registry = shipped_registry()
    site = load_site(arguments.config, os.environ, registry=registry)
    cards = _cards(arguments.cards)
    clock = SystemClock()
    began = clock.monotonic()
    with ExitStack() as stack:
        logs.configure("error", "console", file=sys.stderr)
        stack.callback(structlog.reset_defaults)
        traces = None if arguments.trace is None else stack.enter_context(Traces(arguments.trace))
        folder = _folder(arguments.keep, stack)
        replayed = replay(recording, site, registry, folder, cards, None if traces is None else traces.tracer)
    for record in replayed.records:
        print(_line(record))
    _tell_torn(replayed.torn)
    _tell_summary(replayed, clock.monotonic() - began)
    return OK


def _folder(keep: Path | None, stack: ExitStack) -> Path:
    from tempfile import TemporaryDirectory

    from engine.errors import EngineError

    if keep is None:
        return Path(stack.enter_context(TemporaryDirectory(prefix="engine-replay-")))
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as error:
        raise EngineError(f"--keep: {keep} cannot be used as a folder: {error.strerror}") from error
    if not is_empty:
        raise EngineError(f"--keep: {keep} is not empty, and its records would be counted; name a new folder")
    return keep


def _cards(path: Path | None) -> tuple[Card, ...]:
    if path is None:
        return ()
    from engine.service.card_csv import read_card_file

    return read_card_file(path).cards


def _line(record: WeighingRecord) -> str:
    import json

    from engine.store.fields import plain
    from engine.store.texts import utc_text

    fields = {
        "sequence": record.sequence,
        "uuid": record.uuid,
        "line": record.line,
        "rfid_uid": record.rfid_uid,
        "weight": f"{record.weight:f}",
        "unit": record.unit,
        "measured_at": utc_text(record.measured_at),
        "raw_frame": record.raw_frame.hex(),
        **({"extra": plain(record.extra)} if record.extra else {}),
    }
    return json.dumps(fields, ensure_ascii=False)


def _tell_torn(torn: Sequence[str]) -> None:
    for sentence in torn:
        print(f"torn: {sentence}", file=sys.stderr)


def _tell_summary(replayed: Replayed, took: float) -> None:
    for port, count in replayed.passed_over.items():
        print(f"passed over: {count} entries of '{port}', which is no device of this site", file=sys.stderr)
    for line, faults in replayed.faults.items():
        if faults:
            print(f"faults: the machine of {line} was started anew {faults} times", file=sys.stderr)
    print(
        f"{len(replayed.records)} records of {replayed.entries} entries in {replayed.seconds / 3600:.2f} h, "
        f"played in {took:.1f} s",
        file=sys.stderr,
    )


COMMAND = Command("replay", "play a recording into pseudo-terminals or through the charts", _add_arguments, _run)
