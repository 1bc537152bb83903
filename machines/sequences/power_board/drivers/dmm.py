"""A multimeter with a scanner that speaks SCPI over a serial port, and its simulated twin."""

from __future__ import annotations

from typing import Annotated


class Dmm:
    """``*IDN?`` and ``MEAS:VOLT:DC? (@101)``."""

    def __init__(self, port: str) -> None:
        import serial  # only where a real one is driven

        self._port = serial.serial_for_url(port, 9600, timeout=1.0, write_timeout=1.0)

    def identify(self) -> str:
        """Its model."""
        return self._ask("*IDN?").split(",")[1].strip()

    def read(self, channel: int = 1) -> Annotated[float, "V"]:
        """The direct voltage on a channel, in V."""
        return float(self._ask(f"MEAS:VOLT:DC? (@{100 + channel})"))

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _ask(self, line: str) -> str:
        self._port.write(f"{line}\n".encode())
        answer = self._port.readline().decode("ascii", "replace").strip()
        if not answer:
            raise TimeoutError(f"the multimeter does not answer {line}")
        return answer


class DmmSim:
    """A multimeter on a board that is in order."""

    _VOLTS = {1: 3.3, 2: 5.02}  # noqa: RUF012 - what the board's rails show

    def identify(self) -> str:
        """A model that there is none of."""
        return "SIM-34"

    def read(self, channel: int = 1) -> float:
        """The voltage of a rail."""
        return self._VOLTS[channel]
