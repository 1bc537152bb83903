"""How a site describes one device, and what its port becomes with the protocol's defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.devices.asking import POLL_S, Asker
from engine.devices.device_id import encode_id
from engine.devices.filters import FilterSettings
from engine.devices.port import PortSettings
from engine.errors import EngineError, UnitError
from engine.units import UNITS
from parsers import PROTOCOLS, LineSettings, Parser, ProtocolError, ProtocolInfo, make_parser


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """A scale, a card reader, or a port that carries both. A line setting of None is the protocol's own.

    Raises EngineError when the protocols are unknown or cannot share a port, UnitError when the unit is none.
    """

    port: str
    protocol: tuple[str, ...]
    baudrate: int | None = None
    data_bits: int | None = None
    parity: str | None = None
    stop_bits: float | None = None
    unit: str | None = None  # of a protocol whose frames do not say (cas-10)
    filter: FilterSettings = field(default_factory=FilterSettings)
    leave_after: float = 1.0  # seconds without a sight after which a card has left
    silent_after: float = 5.0  # seconds without a reading after which a scale is lost
    rs485: bool = False  # half-duplex, switched by the port's driver
    device_id: str | None = None  # of a protocol whose frames carry one: no other device's weights are taken
    poll: float | None = None  # seconds between two questions; 0: never ask; None: ask a device that is silent

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise UnitError(f"'{self.unit}' is not a unit; units are {', '.join(sorted(UNITS))}")
        self.make_parser()
        self.id_bytes()
        if self.poll and not self.questions:
            raise EngineError(
                f"a {' + '.join(self.protocol)} device sends by itself and is not asked: leave 'poll' out"
            )

    @property
    def protocols(self) -> tuple[ProtocolInfo, ...]:
        """What the port carries."""
        return tuple(PROTOCOLS[name] for name in self.protocol)

    def id_bytes(self) -> tuple[int, int, bytes] | None:
        """From where to where a frame must hold which bytes to be this device's; None when any device's will do.

        Raises EngineError when the protocol's frames carry no number, or none of this length.
        """
        if self.device_id is None:
            return None
        place = next((info.id_at for info in self.protocols if info.id_at is not None), None)
        names = " + ".join(self.protocol)
        if place is None:
            raise EngineError(f"frames of {names} do not say from which device they are: leave 'id' out")
        width = place[1] - place[0]
        wanted = encode_id(self.device_id, width)
        if wanted is None:
            raise EngineError(f"'{self.device_id}' is no id of a {names} device, which has {width} characters for it")
        return *place, wanted

    @property
    def questions(self) -> tuple[bytes, ...]:
        """What the device can be asked, if it answers questions."""
        return tuple(info.ask for info in self.protocols if info.ask is not None)

    def make_asker(self) -> Asker | None:
        """The rhythm in which the device is asked; None for one that sends by itself. Raises as port_settings does."""
        every = POLL_S if self.poll is None else self.poll
        if not every or not self.questions:
            return None
        # Who says how often to ask knows that the device has to be asked.
        return Asker(self.questions, every, self.port_settings().byte_time, listen_first=self.poll is None)

    def make_parser(self) -> Parser:
        """A parser for what the port carries."""
        try:
            return make_parser(self.protocol)
        except ProtocolError as error:  # parsers know nothing of the engine's errors
            raise EngineError(str(error)) from error

    def port_settings(self) -> PortSettings:
        """The port with every line setting known.

        Raises EngineError when two protocols on the port differ in a setting that is not given here.
        """
        first, *others = (info.line for info in self.protocols)
        for name in ("baudrate", "data_bits", "parity", "stop_bits"):
            if getattr(self, name) is None and any(_differs(first, other, name) for other in others):
                lines = ", ".join(f"{info.name} {info.line}" for info in self.protocols)
                raise EngineError(f"the protocols on '{self.port}' differ in {name} ({lines}); say which one it has")
        return PortSettings(
            self.port,
            first.baudrate if self.baudrate is None else self.baudrate,
            first.data_bits if self.data_bits is None else self.data_bits,
            first.parity if self.parity is None else self.parity,
            first.stop_bits if self.stop_bits is None else self.stop_bits,
            self.rs485,
        )


def _differs(one: LineSettings, other: LineSettings, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))
