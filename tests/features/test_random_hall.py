"""A hall where anything happens in any order, and what must hold all the same.

- Every committed weight was displayed, steady for long enough, with the newest card's box on the scale.
- Nothing is counted again before the scale was empty, and no card twice for one touch.
- Once everything is mended, each record is at the server exactly once, and the hall weighs on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.clock import DEFAULT_EPOCH
from engine.events import Event
from engine.ports import WeighingRecord
from engine.testing.twin_scale import Shown
from engine.testing.world import World, q
from engine.units import Quantity

LINES = ("dock-1", "dock-2")
CARDS = ("A1", "B2", "C3")
MIN_WEIGHT, TOLERANCE, STABLE_FOR, MAX_GAP = q("50 g"), q("20 g"), 1.0, 0.5  # as weighing.yaml ships them
LEAVE_AFTER = 1.0  # a card that is seen again sooner has never left
ROUNDING = 2e-6
# Quick, so that a story that went wrong is mended within a minute.
QUICK = {
    "registration": {"sync_interval": "3 s", "heartbeat_interval": "4 s", "retry_max": "4 s", "answer_within": "6 s"},
    "upload": {"interval": "2 s", "retry_max": "4 s", "answer_within": "8 s"},
    "streaming": {"retry_max": "4 s"},
}
PARKED = "as it was told to answer"

lines = st.sampled_from(LINES)
cards = st.sampled_from(CARDS)
weights = st.integers(min_value=1, max_value=400).map(lambda n: Quantity(Decimal(n) / 8, "kg"))
few = st.integers(min_value=1, max_value=3)
seconds = st.sampled_from([0.1, 0.4, 0.7, 1.1, 1.5, 3.0, 6.0])


@dataclass
class Told:
    """What the story has told one line."""

    sights: dict[str, float] = field(default_factory=dict)  # card -> when it was last seen
    touches: list[tuple[float, str]] = field(default_factory=list)  # each time a card came
    lives: list[float] = field(default_factory=list)  # when its machine began anew, all memory gone


def at(record: WeighingRecord) -> float:
    """When a record was found stable, in monotonic seconds."""
    return (record.measured_at - DEFAULT_EPOCH).total_seconds()


class RandomHall(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.told = {line: Told(lives=[0.0]) for line in LINES}
        self.attempts_of_this_life = 0  # where in store.saved it begins

    @initialize(seed=st.integers(min_value=0, max_value=1000), approved=st.booleans())
    def open(self, seed: int, *, approved: bool) -> None:
        self.world = World(
            LINES,
            settings={"weigh_unregistered": "always"},
            machine_settings=QUICK,
            approved=approved,
            seed=seed,
            scale_hz=10.0,
        )
        self.world.start()
        # Nothing that is told happens in the very moment of a reading.
        self.world.advance(0.503)

    # What people do ----------------------------------------------------------------------------------------------

    @rule(line=lines, card=cards)
    def touch(self, line: str, card: str) -> None:
        now, told = self.world.clock.monotonic(), self.told[line]
        if now >= told.sights.get(card, -LEAVE_AFTER) + LEAVE_AFTER:
            told.touches.append((now, card))
        told.sights[card] = now
        self.world.card(card, line)

    @rule(line=lines, weight=weights, settle=st.sampled_from([0.0, 0.5, 2.0]))
    def put(self, line: str, weight: Quantity, settle: float) -> None:
        self.world.put(weight, line, settle=settle)

    @rule(line=lines)
    def remove(self, line: str) -> None:
        self.world.remove(line)

    @rule(line=lines, card=cards, weight=weights)
    def weigh(self, line: str, card: str, weight: Quantity) -> None:
        """What happens all day."""
        self.touch(line, card)
        self.put(line, weight, 0.5)
        self.world.advance(2.2)
        self.remove(line)
        self.world.advance(0.4)

    @rule(line=lines, grams=st.sampled_from([5, 10, 15, 200]))
    def shake(self, line: str, grams: int) -> None:
        self.world.scale(line).shake(Quantity(grams, "g"))

    @rule(duration=seconds)
    def wait(self, duration: float) -> None:
        self.world.advance(duration)

    # What devices do ---------------------------------------------------------------------------------------------

    @rule(line=lines)
    def motion(self, line: str) -> None:
        self.world.scale(line).say_motion()

    @rule(line=lines, status=st.sampled_from(["overload", "error"]))
    def no_weight(self, line: str, status: str) -> None:
        self.world.scale(line).say(status)

    @rule(line=lines, duration=seconds)
    def silence(self, line: str, duration: float) -> None:
        self.world.pause_scale(duration, line)

    @rule(line=lines)
    def unplug(self, line: str) -> None:
        self.world.lose_scale(line)

    @rule(line=lines)
    def plug_in(self, line: str) -> None:
        self.world.restore_scale(line)

    # What goes wrong ---------------------------------------------------------------------------------------------

    @rule(before=seconds, after=seconds, times=few)
    def slow_commit(self, before: float, after: float, times: int) -> None:
        self.world.store.slow("save_record", before=before, after=after, times=times)

    @rule(times=few, is_full=st.booleans())
    def failing_commit(self, times: int, *, is_full: bool) -> None:
        self.world.store.fail("save_record", times=times, is_full=is_full)

    @rule(operation=st.sampled_from(["save_deliveries", "pending_records", "load_gateway", "save_token"]), times=few)
    def failing_store(self, operation: str, times: int) -> None:
        self.world.store.fail(operation, times=times)

    @rule()
    def server_down(self) -> None:
        self.world.server.down()

    @rule()
    def server_up(self) -> None:
        self.world.server.up()

    @rule(latency=st.sampled_from([0.01, 0.5, 5.0, 20.0]))
    def latency(self, latency: float) -> None:
        self.world.server.latency = latency

    @rule(
        route=st.sampled_from(["lookup", "register", "heartbeat", "records", "stream"]),
        status=st.sampled_from([400, 401, 403, 404, 429, 500, 503]),
        times=few,
    )
    def answer(self, route: str, status: int, times: int) -> None:
        self.world.server.answer(route, status, {"detail": PARKED}, retry_after=2.0, times=times)

    @rule(route=st.sampled_from(["lookup", "register", "heartbeat", "records"]), times=few)
    def lost_answer(self, route: str, times: int) -> None:
        self.world.server.lose_answer(route, times=times)

    @rule(route=st.sampled_from(["heartbeat", "records"]))
    def no_answer(self, route: str) -> None:
        self.world.server.keep_silent(route)

    @precondition(lambda self: self.world.server.is_registered)
    @rule(what=st.sampled_from(["approve", "revoke", "delete"]))
    def operator(self, what: str) -> None:
        getattr(self.world.server, what)()

    @rule(after=st.sampled_from([0.0, 2.0]))
    def power_cut(self, after: float) -> None:
        self.world.restart(after=after)
        now = self.world.clock.monotonic()
        for told in self.told.values():
            told.lives.append(now)
            told.sights.clear()
        self.attempts_of_this_life = len(self.world.store.saved)
        self.world.advance(0.203)

    @rule(line=lines)
    def bug(self, line: str) -> None:
        """A value that no line lets through makes its machine fault, whatever it is doing that looks at weights."""
        data = {"value": Quantity(5, "N"), "stable": True, "status": "ok", "raw": b"", "at": 0.0}
        faults = self.world.faults(line)
        self.world.tell(line, Event("weight.read", data))
        if self.world.faults(line) > faults:
            self.told[line].lives.append(self.world.clock.monotonic())

    # What must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def every_weight_was_displayed_steady_for_its_card(self) -> None:
        for line in LINES:
            before: WeighingRecord | None = None
            used: set[tuple[float, str]] = set()
            for record in [r for r in self.world.records if r.line == line]:
                touch = self.newest_touch(line, at(record))
                assert touch is not None, "no card was touched"
                assert touch[1] == record.rfid_uid
                assert touch not in used, "one touch, two records"
                used.add(touch)
                self.check_steady(line, record, since=touch[0])
                self.check_emptied(line, before, record)
                before = record

    @invariant()
    def the_server_has_nothing_twice_and_nothing_else(self) -> None:
        rows = [(row.uuid, row.rfid_uid, row.weight) for row in self.world.server.records]
        assert len(rows) == len({uuid for uuid, _, _ in rows})
        assert set(rows) <= {(r.uuid, r.rfid_uid, r.weight) for r in self.world.records}

    def newest_touch(self, line: str, moment: float) -> tuple[float, str] | None:
        """The card that counts at a moment: the newest that came, unless its own box was still on the scale then."""
        born = max(life for life in self.told[line].lives if life <= moment)
        came = [touch for touch in self.told[line].touches if born <= touch[0] <= moment]
        return next((touch for touch in reversed(came) if not self.is_read_again(line, touch, born)), None)

    def is_read_again(self, line: str, touch: tuple[float, str], born: float) -> bool:
        earlier = [r for r in self.world.records if r.line == line and born <= at(r) < touch[0]]
        if not earlier or earlier[-1].rfid_uid != touch[1]:
            return False
        return not self.was_empty(line, at(earlier[-1]), touch[0])

    def was_empty(self, line: str, first: float, last: float) -> bool:
        return any(s.weight is not None and s.weight < MIN_WEIGHT for s in self.shown(line, first, last))

    def shown(self, line: str, first: float, last: float) -> list[Shown]:
        return [s for s in self.world.scale(line).shown if first - ROUNDING <= s.at <= last + ROUNDING]

    def check_steady(self, line: str, record: WeighingRecord, since: float) -> None:
        moment = at(record)
        readings = self.shown(line, since, moment)
        begun = max((s.at for s in readings if s.at <= moment - STABLE_FOR + ROUNDING), default=None)
        assert begun is not None, "not watched for long enough"
        run = [s for s in readings if s.at >= begun]
        weights = [s.weight for s in run if s.weight is not None and s.reading.is_stable is not False]
        assert len(weights) == len(run) >= 3
        assert min(weights) >= MIN_WEIGHT
        assert max(weights) - min(weights) <= TOLERANCE
        assert all(later.at - earlier.at <= MAX_GAP + ROUNDING for earlier, later in pairwise(run))
        assert weights[-1] == Quantity(record.weight, record.unit)

    def check_emptied(self, line: str, before: WeighingRecord | None, record: WeighingRecord) -> None:
        if before is None:
            return
        born = max(life for life in self.told[line].lives if life <= at(record))
        if born <= at(before):
            assert self.was_empty(line, at(before), at(record)), "counted again on a scale that was not empty"
        else:  # its memory was gone, the record was not: the box that still stands there is known by its weight
            weight = Quantity(before.weight, before.unit)
            shown = [s.weight for s in self.shown(line, born, at(record)) if s.weight is not None]
            assert any(abs(s - weight) > TOLERANCE for s in shown), "counted again after a restart"

    # How it ends -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "world"):
            with self.world:
                self.mend()
                self.everything_is_where_it_belongs()
                self.the_hall_weighs_on()

    def mend(self) -> None:
        world = self.world
        world.store.clear()
        world.server.clear()
        world.server.up()
        world.server.latency = 0.01
        for line in LINES:
            world.restore_scale(line)
            world.remove(line)
        for _ in range(30):
            world.advance(3)
            if world.server.is_registered and world.server.backend.owner(world.gateway.access_token) is None:
                world.server.approve()
            elif world.is_in("heartbeat", "registration") and not world.loop.run(world.store.pending_records(1)):
                return

    def everything_is_where_it_belongs(self) -> None:
        world = self.world
        self.every_weight_was_displayed_steady_for_its_card()
        self.the_server_has_nothing_twice_and_nothing_else()
        assert set(world.store.saved[self.attempts_of_this_life :]) <= {r.uuid for r in world.records}
        arrived = {row.uuid for row in world.server.records}
        for record in world.records:
            assert (
                record.is_sent or record.rejected_reason == f"detail: {PARKED}" or PARKED in str(record.rejected_reason)
            )
            assert not record.is_sent or record.uuid in arrived
        assert world.is_in("heartbeat", "registration")

    def the_hall_weighs_on(self) -> None:
        world = self.world
        before = len(world.records)
        # A machine that has faulted often is started anew after a minute at most.
        world.until(lambda: all(world.is_in("idle", line) for line in LINES), within=70)
        for line in LINES:
            world.weigh("D4", q("12.340 kg"), line)
        world.advance(3)
        assert [(r.rfid_uid, r.weight, r.is_sent) for r in world.records[before:]] == [
            ("D4", Decimal("12.340"), True)
        ] * 2


SHORT = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
LONG = settings(max_examples=1000, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestRandomHall(RandomHall.TestCase):
    settings = SHORT


@pytest.mark.torture
class TestRandomHallForLong(RandomHall.TestCase):
    settings = LONG
