"""What a probe found, in words for a person and as an object for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from engine.cli.decoding import to_line
from engine.devices.inventory import FoundPort, site_line, site_name
from engine.devices.probe import Found, ProbeResult
from parsers import CardReading, LineSettings, Reading, WeightReading

_PARITY = {"N": "none", "E": "even", "O": "odd"}


def shown(result: ProbeResult, here: Sequence[FoundPort]) -> Iterator[str]:
    """The lines that tell of one port."""
    yield f"{result.port}: {_verdict(result)}"
    if result.verdict == "no_frames":
        yield from (f"    {line}" for line in result.hex_view)
    if not result.found:
        return
    for found in result.found:
        yield f"    {_found(found)}"
    entries = site_entries(result, here)
    if len(entries) > 1:
        yield "  in site.yaml, whichever of these it is:"
    else:
        yield "  in site.yaml:"
    yield "    devices:"
    yield from (f"      {entry}" for entry in entries)


def as_object(result: ProbeResult, here: Sequence[FoundPort]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "port": result.port,
        "verdict": result.verdict,
        "reason": result.reason,
        "asked": result.was_asked,
        "found": [
            {
                "protocol": found.info.name,
                "title": found.info.title,
                "proven": found.info.is_proven,
                "line": None if found.line is None else str(found.line),
                "frames": found.frames,
                "stable": _share_stable(found.readings),
                "last": json.loads(to_line(found.readings[-1])) if found.readings else None,
            }
            for found in result.found
        ],
        "devices": site_entries(result, here) if result.found else [],
        "data": result.data[:128].hex(),
        "guess": None if result.guess is None else str(result.guess),
    }


def site_entries(result: ProbeResult, here: Sequence[FoundPort]) -> list[str]:
    """What to write under ``devices:``, a line for each device that it may be."""
    port = site_line(_name(result.port, here))
    scales = [found for found in result.found if found.info.kind == "scale"]
    readers = [found for found in result.found if found.info.kind == "reader"]
    if scales and readers and _share_the_port(scales[0], readers[0]):
        both = f"protocol: [{scales[0].info.name}, {readers[0].info.name}]"
        return [f"scale: {{{', '.join([port, both, *_line_settings(scales[0])])}}}"]
    return [_entry(found, port) for found in result.found]


def _entry(found: Found, port: str) -> str:
    name = "scale" if found.info.kind == "scale" else "rfid"
    entry = f"{name}: {{{', '.join([port, f'protocol: {found.info.name}', *_line_settings(found)])}}}"
    weights = [
        reading for reading in found.readings if isinstance(reading, WeightReading) and reading.value is not None
    ]
    if weights and all(reading.unit is None for reading in weights):
        entry += "  # and its unit, as its display shows it: its frames do not say"
    return entry


def _name(port: str, here: Sequence[FoundPort]) -> str:
    """A name that stays when the device moves, where it is only known by where it is now."""
    return next((site_name(found, here) for found in here if found.device == port), port)


def _share_the_port(scale: Found, reader: Found) -> bool:
    """Whether the two read different frames, and not the same ones differently."""
    return not {reading.raw for reading in scale.readings} & {reading.raw for reading in reader.readings}


def _line_settings(found: Found) -> list[str]:
    usual, line = found.info.line, found.line or found.info.line
    settings = []
    if line.baudrate != usual.baudrate:
        settings.append(f"baudrate: {line.baudrate}")
    if line.data_bits != usual.data_bits:
        settings.append(f"data_bits: {line.data_bits}")
    if line.parity != usual.parity:
        settings.append(f"parity: {_PARITY[line.parity]}")
    return settings


def _verdict(result: ProbeResult) -> str:
    match result.verdict:
        case "frames":
            names = " and ".join(found.info.name for found in result.found)
            how = " (only when asked)" if result.was_asked else ""
            return f"frames of {names}{how}"
        case "no_bytes":
            return (
                "no bytes. Is it switched on, are the wires crossed? A reader only sends a card: hold one to it; "
                "some scales answer when asked: try --ask"
            )
        case "no_frames":
            return f"bytes, but no frames of a known protocol{_guess(result.guess)}"
        case _:
            return result.reason


def _guess(guess: LineSettings | None) -> str:
    if guess is None:
        return "; they are text at none of the usual settings: a binary protocol, or an unusual speed"
    return f"; at {guess} they look like text: a protocol that needs a profile"


def _found(found: Found) -> str:
    unproven = "" if found.info.is_proven else ", unproven: known from composed frames only"
    line = "" if found.line is None else f" at {found.line}"
    last = f"; last {reading_text(found.readings[-1])}" if found.readings else ""
    return f"{found.info.name} ({found.info.title}{unproven}){line}: {found.frames} frames{_stable(found)}{last}"


def _stable(found: Found) -> str:
    share = _share_stable(found.readings)
    if found.info.kind != "scale":
        return ""
    if share is None:
        return ", which do not say whether they are stable"
    return f", {share:.0%} stable"


def _share_stable(readings: Sequence[Reading]) -> float | None:
    """How many of the readings that say so are stable, as a share; None when none says."""
    said = [one.is_stable for one in readings if isinstance(one, WeightReading) and one.is_stable is not None]
    return sum(said) / len(said) if said else None


def reading_text(reading: Reading) -> str:
    """One reading in a few words: ``12.340 kg stable``, ``card 0A006091E1``, ``overload``."""
    if isinstance(reading, CardReading):
        return "no card" if reading.uid is None else f"card {reading.uid}"
    words = [] if reading.value is None else [f"{reading.value} {reading.unit or '(no unit)'}"]
    if reading.value is None or reading.status != "ok":
        words.append(reading.status)
    words.append({True: "stable", False: "moving", None: ""}[reading.is_stable])
    return " ".join(word for word in words if word)
