"""What a port reads of a line that is set otherwise: the bits as they stand on the wire, sampled at its own pace."""

from __future__ import annotations

from collections.abc import Iterator

from parsers import LineSettings


def levels(data: bytes, line: LineSettings) -> list[int]:
    """The bits of ``data`` on the wire: start bits, data lowest first, parity, stop bits."""
    bits: list[int] = []
    for byte in data:
        value = [byte >> place & 1 for place in range(line.data_bits)]
        bits += [0, *value]
        if line.parity != "N":
            bits.append((sum(value) + (line.parity == "O")) % 2)
        bits += [1] * line.stop_bits
    return bits


def as_read(data: bytes, sent: LineSettings, read: LineSettings) -> bytes:
    """What a port set to ``read`` makes of ``data`` that a device sends as ``sent``.

    As UARTs do it: from each falling edge the bits are sampled in their middles; a byte whose stop bit is missing is
    handed over all the same, and the next begins at the next falling edge. Wrong parity is not looked at.
    """
    if (sent.baudrate, sent.data_bits, sent.parity) == (read.baudrate, read.data_bits, read.parity):
        return data if sent.data_bits > 7 else bytes(byte & 0x7F for byte in data)  # noqa: PLR2004 - a mask of 7 bits
    return bytes(_sampled(levels(data, sent), sent.baudrate / read.baudrate, read))


def _sampled(bits: list[int], ratio: float, read: LineSettings) -> Iterator[int]:
    """``ratio``: bits on the wire in the time of one bit of the reader."""
    count = len(bits)

    def level(at: float) -> int:
        return bits[int(at)] if at < count else 1

    samples = read.data_bits + (read.parity != "N")
    at = 0.0
    while True:
        start = int(at)
        while start < count and bits[start]:
            start += 1
        if start >= count:
            return
        began = max(at, float(start))
        if level(began + ratio / 2):  # too short for a start bit: a spike
            at = _next_rise(bits, start)
            continue
        value = sum(level(began + ratio * (place + 1.5)) << place for place in range(read.data_bits))
        yield value
        stop = began + ratio * (samples + 1.5)
        at = stop if level(stop) else _next_rise(bits, int(stop))


def _next_rise(bits: list[int], at: int) -> float:
    while at < len(bits) and not bits[at]:
        at += 1
    return float(at)
