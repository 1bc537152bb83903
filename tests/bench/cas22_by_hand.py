"""A CAS 22-byte parser as one writes it for one scale: nothing but slices and a Decimal. What the engine is beside."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from parsers import WeightReading

_HEADS = {
    f"{status},{mode}".encode(): (status == "ST", name)
    for status in ("ST", "US")
    for mode, name in (("GS", "gross"), ("NT", "net"))
}
_UNITS = {b"kg": "kg", b" g": "g", b" t": "t", b"lb": "lb", b"oz": "oz"}
_LENGTH = 22


class Cas22ByHand:
    """Bytes in, readings out; anything unexpected is passed over."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[WeightReading]:
        *lines, self._held = (self._held + data).split(b"\r\n")
        self._held = self._held[-_LENGTH:]
        readings = []
        for line in lines:
            head = _HEADS.get(line[:5])
            unit = _UNITS.get(line[18:20])
            if head is None or unit is None or len(line) != _LENGTH - 2:
                continue
            try:
                value = Decimal(line[9:17].replace(b" ", b"").decode("ascii"))
            except (InvalidOperation, UnicodeDecodeError):
                continue
            readings.append(WeightReading(value, unit, head[0], "ok", head[1], line + b"\r\n"))  # type: ignore[arg-type]
        return readings
