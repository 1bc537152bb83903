"""What a device on a port tells the charts. Virtual time; the bytes are those of the wire."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from device_support import Pty, VirtualTimers, run
from structlog.testing import capture_logs

from engine.clock import SystemClock
from engine.devices.device import SerialDevice
from engine.devices.filters import FilterSettings
from engine.devices.settings import DeviceSettings
from engine.errors import EngineError, UnitError
from engine.units import Quantity, parse_mass
from parsers import PROTOCOLS
from parsers.frames import cas10_frame, cas22_frame, rdm6300_frame

CARD, OTHER_CARD = "0415AB96C3", "0A00112233"


def cas22(weight, **state):
    return cas22_frame(Decimal(weight), "kg", **{"stable": True, **state})


class Bench:
    """A device without its port: the test plays the link."""

    def __init__(self, *protocol: str, **settings: object) -> None:
        self.timers = VirtualTimers()
        self.events = []
        self._loop = asyncio.new_event_loop()
        self.device = SerialDevice(
            "dock-1",
            DeviceSettings("/dev/ttyUSB0", protocol, **settings),
            loop=self._loop,
            clock=self.timers.clock,
            emit=self.events.append,
            call_later=self.timers.call_later,
        )
        self.send = self.device.receive
        self.link = self.device.link_changed
        self.advance = self.timers.advance

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.device.stop()
        self._loop.close()

    @property
    def told(self):
        return [event.name for event in self.events]

    @property
    def weights(self):
        return [event.data["value"] for event in self.events if event.name == "weight.read"]

    @property
    def reasons(self):
        return [event.data["reason"] for event in self.events if "reason" in event.data]


def test_a_weight_comes_with_its_unit_its_state_and_its_evidence():
    with Bench("cas-22") as bench:
        bench.link(True, "")
        bench.advance(1.5)
        frame = cas22("13.50")
        bench.send(frame)
    (event,) = bench.events
    assert event.name == "weight.read"
    assert event.origin == "dock-1"
    assert dict(event.data) == {
        "value": Quantity("13.50", "kg"),
        "stable": True,
        "status": "ok",
        "raw": frame,
        "at": 1.5,
    }
    assert str(event.data["value"]) == "13.50 kg"  # every place kept


def test_a_protocol_without_a_unit_takes_the_one_of_the_device():
    with Bench("cas-10", unit="kg") as bench:
        bench.link(True, "")
        bench.send(cas10_frame(Decimal("13.5")))
    assert bench.weights == [Quantity("13.5", "kg")]


def test_a_weight_without_any_unit_is_no_weight():
    with capture_logs() as logs, Bench("cas-10") as bench:
        bench.link(True, "")
        bench.send(cas10_frame(Decimal("13.5")) * 3)
    assert bench.weights == [None] * 3
    assert {event.data["status"] for event in bench.events} == {"no_unit"}
    assert [entry["event"] for entry in logs] == ["scale.unit.missed"]  # once, not at 50 Hz


def test_the_unit_of_the_frame_goes_before_the_one_of_the_device():
    with Bench("cas-22", unit="g") as bench:
        bench.link(True, "")
        bench.send(cas22("13.5"))
    assert bench.weights == [Quantity("13.5", "kg")]


def test_an_overload_has_no_weight_and_says_so():
    with Bench("cas-22", unit="kg", filter=FilterSettings(parse_mass("5 kg"), 3)) as bench:
        bench.link(True, "")
        bench.send(cas22("0", overload=True))
    assert bench.weights == [None]
    assert bench.events[0].data["status"] == "overload"


def test_a_spike_is_dropped_and_counted():
    with Bench("cas-22", filter=FilterSettings(spike=parse_mass("5 kg"))) as bench:
        bench.link(True, "")
        bench.send(b"".join(map(cas22, ("1", "900", "1", "1"))))
    assert bench.weights == [Quantity(1, "kg")] * 3
    assert bench.device.counters.spikes == 1
    assert bench.device.counters.frames == 4


def test_weights_of_another_device_on_the_line_are_dropped_and_counted():
    frames = {number: cas22("1")[:6] + number + cas22("1")[7:] for number in (b"1", b":")}
    with capture_logs() as logs, Bench("cas-22", device_id="10") as bench:
        bench.link(True, "")
        bench.send(frames[b"1"] * 3 + frames[b":"])
        assert bench.weights == [Quantity(1, "kg")]
        assert bench.events[0].data["raw"] == frames[b":"]
        assert bench.device.counters.strangers == 3
    assert [(log["event"], log["expected"], log["seen"]) for log in logs] == [("device.reading.strange", ":", "1")]


def test_an_answer_of_another_device_does_not_keep_a_silent_scale_alive():
    with Bench("cas-22", device_id="2", silent_after=2.0) as bench:
        bench.link(True, "")
        for _ in range(3):
            bench.send(cas22("1"))
            bench.advance(1)
    assert bench.told == ["scale.lost"]


def test_a_scale_whose_port_is_not_there_is_lost_and_back_with_its_first_reading():
    with Bench("cas-22") as bench:
        bench.link(False, "port '/dev/ttyUSB0' does not exist")
        bench.link(True, "")
        assert bench.told == ["scale.lost"]
        bench.send(cas22("1"))
    assert bench.told == ["scale.lost", "scale.back", "weight.read"]
    assert bench.reasons[0] == "port '/dev/ttyUSB0' does not exist"


def test_after_an_outage_a_weight_is_no_spike_however_different():
    with Bench("cas-22", filter=FilterSettings(parse_mass("5 kg"), 3)) as bench:
        bench.link(True, "")
        bench.send(cas22("1") * 3)
        bench.link(False, "the device hung up")
        bench.link(True, "")
        bench.send(cas22("40"))
    assert bench.weights[-1] == Quantity(40, "kg")


def test_a_scale_that_was_never_lost_is_never_back():
    with Bench("cas-22") as bench:
        bench.link(True, "")
        bench.send(cas22("1"))
    assert bench.told == ["weight.read"]


def test_a_silent_scale_is_lost_after_five_seconds_and_back_with_its_next_reading():
    with Bench("cas-22") as bench:
        bench.link(True, "")
        bench.advance(4)
        bench.send(cas22("1"))
        bench.advance(4.9)
        assert bench.told == ["weight.read"]
        bench.advance(0.1)
        assert bench.told == ["weight.read", "scale.lost"]
        bench.advance(100)
        bench.send(cas22("1"))
    assert bench.told == ["weight.read", "scale.lost", "scale.back", "weight.read"]
    assert bench.reasons[0] == "no readings for 5 s"


def test_a_silent_scale_is_lost_again_after_it_was_back():
    with Bench("cas-22", silent_after=2.0) as bench:
        bench.link(True, "")
        for _ in range(2):
            bench.advance(2)
            bench.send(cas22("1"))
    assert bench.told == ["scale.lost", "scale.back", "weight.read"] * 2


def test_a_scale_that_is_silent_and_then_unplugged_is_lost_once():
    with Bench("cas-22") as bench:
        bench.link(True, "")
        bench.advance(5)
        bench.link(False, "the device hung up")
        bench.advance(100)
    assert bench.told == ["scale.lost"]


def test_a_wrong_baud_rate_shows_in_the_reason():
    with capture_logs() as logs, Bench("cas-22") as bench:
        bench.link(True, "")
        for _ in range(60):
            bench.send(b"\x00\xf8\x1e\x80" * 5)
        bench.advance(5)
    assert bench.reasons == [
        "no readings for 5 s; 1200 bytes came that are no cas-22 frame: check protocol and baudrate"
    ]
    assert [entry["event"] for entry in logs].count("device.frames.not_found") == 1
    assert bench.device.counters.rejected > 0


def test_a_card_that_stays_is_read_once_and_leaves_once():
    with Bench("rdm6300", leave_after=0.8) as bench:
        bench.link(True, "")
        for _ in range(30):
            bench.send(rdm6300_frame(CARD))
            bench.advance(0.1)
        assert bench.told == ["card.read"]
        bench.advance(0.69)
        assert bench.told == ["card.read"]
        bench.advance(0.02)
    assert bench.told == ["card.read", "card.left"]
    assert bench.events[0].data == {"uid": CARD}
    assert bench.events[0].origin == "dock-1"


def test_a_second_card_is_read_while_the_first_is_there():
    with Bench("rdm6300") as bench:
        bench.link(True, "")
        bench.send(rdm6300_frame(CARD) + rdm6300_frame(OTHER_CARD) + rdm6300_frame(CARD))
        bench.advance(1)
    assert [(event.name, event.data["uid"]) for event in bench.events] == [
        ("card.read", CARD),
        ("card.read", OTHER_CARD),
        ("card.left", OTHER_CARD),
        ("card.left", CARD),
    ]


def test_a_reader_is_lost_with_its_port_and_back_with_it():
    with Bench("rdm6300") as bench:
        bench.link(True, "")
        bench.link(False, "the device hung up")
        bench.link(True, "")
        bench.advance(100)  # a reader without a card is silent, not lost
    assert bench.told == ["rfid.lost", "rfid.back"]
    assert bench.reasons[0] == "the device hung up"


def test_one_port_may_carry_cards_and_weights():
    with Bench("cas-22", "rdm6300") as bench:
        bench.link(True, "")
        bench.send(cas22("1") + rdm6300_frame(CARD) + cas22("2"))
        bench.link(False, "the device hung up")
    assert bench.told == ["weight.read", "card.read", "weight.read", "scale.lost", "rfid.lost"]


def test_half_a_frame_before_an_outage_is_not_joined_with_half_a_frame_after_it():
    with Bench("cas-22") as bench:
        bench.link(True, "")
        bench.send(cas22("1111")[:14])
        bench.link(False, "the device hung up")
        bench.link(True, "")
        bench.send(cas22("2222")[14:])
    assert bench.weights == []


def test_a_stopped_device_plans_nothing_more():
    with Bench("cas-22", "rdm6300") as bench:
        bench.link(True, "")
        bench.send(cas22("1") + rdm6300_frame(CARD))
        bench.device.stop()
        assert bench.timers.pending == 0


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_line_settings_not_given_are_those_of_the_protocol(name):
    port = DeviceSettings("COM3", (name,)).port_settings()
    line = PROTOCOLS[name].line
    assert (port.baudrate, port.data_bits, port.parity, port.stop_bits) == (
        line.baudrate,
        line.data_bits,
        line.parity,
        line.stop_bits,
    )


def test_line_settings_given_go_first():
    port = DeviceSettings("COM3", ("cas-22",), baudrate=19200, data_bits=7, parity="E", stop_bits=2).port_settings()
    assert (port.baudrate, port.data_bits, port.parity, port.stop_bits) == (19200, 7, "E", 2)


def test_protocols_that_share_a_port_but_no_line_setting_ask_for_it():
    with pytest.raises(EngineError, match=r"differ in baudrate \(and-std 2400 7E1, rdm6300 9600 8N1\)"):
        DeviceSettings("COM3", ("and-std", "rdm6300")).port_settings()
    both = DeviceSettings("COM3", ("and-std", "rdm6300"), baudrate=9600, data_bits=8, parity="N")
    assert both.port_settings().baudrate == 9600


@pytest.mark.parametrize("protocol", [("cas-23",), (), ("cas-22", "cas-10"), ("cas-22", "cas-22")])
def test_protocols_that_cannot_be_are_refused_before_anything_runs(protocol):
    with pytest.raises(EngineError):
        DeviceSettings("COM3", protocol)


def test_a_unit_that_is_none_is_refused():
    with pytest.raises(UnitError, match="'kilo' is not a unit"):
        DeviceSettings("COM3", ("cas-10",), unit="kilo")


def test_a_device_on_a_real_port_reads_is_lost_and_counts():
    async def scenario():
        port, events, changed = Pty(), [], asyncio.Event()

        def emit(event):
            events.append(event)
            changed.set()

        async def until(count):
            while len(events) < count:
                changed.clear()
                await changed.wait()

        device = SerialDevice(
            "dock-1",
            DeviceSettings(port.path, ("cas-22", "rdm6300"), baudrate=19200),
            loop=asyncio.get_running_loop(),
            clock=SystemClock(),
            emit=emit,
        )
        device.start()
        while not device.counters.opens:  # noqa: ASYNC110 - a device says nothing when its port opens
            await asyncio.sleep(0.001)
        port.send(b"\x00rubbish\r\n" + cas22("12.340") + rdm6300_frame(CARD))
        await until(2)
        port.unplug()
        await until(4)
        assert [event.name for event in events] == ["weight.read", "card.read", "scale.lost", "rfid.lost"]
        assert device.counters.frames == 2
        assert device.counters.rejected == 1
        device.stop()
        await device.wait_closed()

    run(scenario)
