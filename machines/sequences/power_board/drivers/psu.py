"""A programmable power supply that speaks SCPI over a serial port, and its simulated twin."""

from __future__ import annotations

from typing import Annotated


class Psu:
    """``VOLT``, ``CURR``, ``OUTP`` and ``MEAS:CURR?``, as most bench supplies understand them."""

    def __init__(self, port: str) -> None:
        import serial  # only where a real one is driven

        self._port = serial.serial_for_url(port, 9600, timeout=1.0, write_timeout=1.0)

    def on(self, voltage: Annotated[float, "V"], current: Annotated[float, "A"]) -> None:
        """Set voltage and current limit, then switch the output on."""
        self._send(f"VOLT {voltage:.3f}")
        self._send(f"CURR {current:.3f}")
        self._send("OUTP ON")

    def off(self) -> None:
        """Switch the output off."""
        self._send("OUTP OFF")

    def read(self) -> dict[str, float]:
        """What flows: ``current`` in A, ``voltage`` in V."""
        return {"current": self._ask("MEAS:CURR?"), "voltage": self._ask("MEAS:VOLT?")}

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _send(self, line: str) -> None:
        self._port.write(f"{line}\n".encode())

    def _ask(self, line: str) -> float:
        self._send(line)
        answer = self._port.readline().decode("ascii", "replace").strip()
        if not answer:
            raise TimeoutError(f"the power supply does not answer {line}")
        return float(answer)


class PsuSim:
    """A supply with a board on it that takes a few hundred milliamperes."""

    def __init__(self, load_ohms: float = 24.0) -> None:
        self._load = load_ohms
        self._voltage = 0.0
        self.is_on = False

    def on(self, voltage: float, current: float) -> None:
        """Switch on, unless the load would take more than the limit."""
        if voltage / self._load > current:
            raise RuntimeError(f"the load takes more than {current} A")
        self._voltage, self.is_on = voltage, True

    def off(self) -> None:
        """Switch off."""
        self._voltage, self.is_on = 0.0, False

    def read(self) -> dict[str, float]:
        """What flows."""
        return {"current": round(self._voltage / self._load, 4), "voltage": self._voltage}
