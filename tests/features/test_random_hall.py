"""A line where anything happens in any order, and what must hold all the same.

- Every committed weight was displayed, steady for long enough, with the newest card's box on the scale.
- Nothing is counted again before the scale was empty, and no card twice for one touch.
- Once everything is mended, each record is at the server exactly once, and the line weighs on.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

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

cards = st.sampled_from(["A1", "B2", "C3"])
weights = st.integers(min_value=1, max_value=400).map(lambda n: Quantity(Decimal(n) / 8, "kg"))
few = st.integers(min_value=1, max_value=3)
pauses = st.sampled_from([0.0, 0.1, 0.4, 0.7, 1.3, 2.5])
long_pauses = st.sampled_from([0.4, 1.3, 2.5, 6.0])


def at(record: WeighingRecord) -> float:
    """When a record was found stable, in monotonic seconds."""
    return (record.measured_at - DEFAULT_EPOCH).total_seconds()


class RandomHall(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.load = q("0 kg")
        self.sights: dict[str, float] = {}  # card -> when it was last seen
        self.touches: list[tuple[float, str]] = []  # each time a card came
        self.lives = [0.0]  # when the line's machine began anew, all memory gone
        self.attempts_of_this_life = 0  # where in store.saved it begins

    @initialize(seed=st.integers(min_value=0, max_value=1000), approved=st.booleans(), tells_motion=st.booleans())
    def open(self, seed: int, *, approved: bool, tells_motion: bool) -> None:
        self.world = World(
            settings={"weigh_unregistered": "always"},
            machine_settings=QUICK,
            approved=approved,
            seed=seed,
            scale_hz=10.0,
        )
        self.world.scale().tells_motion = tells_motion
        self.world.start()
        # Nothing that is told happens in the very moment of a reading.
        self.world.advance(0.503)

    # What people do ----------------------------------------------------------------------------------------------

    @rule(card=cards, pause=pauses)
    def touch(self, card: str, pause: float) -> None:
        now = self.world.clock.monotonic()
        if now >= self.sights.get(card, -LEAVE_AFTER) + LEAVE_AFTER:
            self.touches.append((now, card))
        self.sights[card] = now
        self.world.card(card)
        self.world.advance(pause)

    @rule(weight=weights, settle=st.sampled_from([0.0, 0.5, 2.0]), pause=pauses)
    def put(self, weight: Quantity, settle: float, pause: float) -> None:
        self.load = weight
        self.world.put(weight, settle=settle)
        self.world.advance(pause)

    @rule(pause=pauses)
    def remove(self, pause: float) -> None:
        self.put(q("0 kg"), 0.0, pause)

    @rule(card=cards, weight=weights, is_removed=st.booleans())
    def weigh(self, card: str, weight: Quantity, *, is_removed: bool) -> None:
        """What happens all day; now and then the box stays for a while."""
        self.touch(card, 0.0)
        self.put(weight, 0.5, 2.2)
        if is_removed:
            self.remove(0.4)

    # What devices do ---------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["shake 5", "shake 15", "shake 200", "motion", "overload", "error"]), pause=pauses)
    def disturb(self, what: str, pause: float) -> None:
        """For a moment the scale shows something else than the load."""
        scale = self.world.scale()
        match what.split():
            case "shake", grams:
                scale.shake(Quantity(grams, "g"))
            case ["motion"]:
                scale.say_motion()
            case _:
                scale.say("overload" if what == "overload" else "error")
        self.world.advance(pause)
        self.put(self.load, 0.0, 0.0)

    @rule(pause=long_pauses)
    def silence(self, pause: float) -> None:
        self.world.pause_scale(pause)
        self.world.advance(pause)

    @rule(pause=pauses)
    def unplug(self, pause: float) -> None:
        self.world.lose_scale()
        self.world.advance(pause)
        self.world.restore_scale()

    # What goes wrong ---------------------------------------------------------------------------------------------

    @rule(before=long_pauses, after=long_pauses, times=few)
    def slow_commit(self, before: float, after: float, times: int) -> None:
        self.world.store.slow("save_record", before=before, after=after, times=times)

    @rule(
        operation=st.sampled_from(
            ["save_record", "save_record", "save_deliveries", "pending_records", "load_gateway", "last_record"]
        ),
        times=few,
    )
    def failing_store(self, operation: Any, times: int) -> None:
        self.world.store.fail(operation, times=times)

    @rule(is_up=st.booleans(), latency=st.sampled_from([0.01, 0.5, 5.0, 20.0]))
    def network(self, *, is_up: bool, latency: float) -> None:
        self.world.server.latency = latency
        if is_up:
            self.world.server.up()
        else:
            self.world.server.down()

    @rule(
        route=st.sampled_from(["lookup", "register", "heartbeat", "records", "records", "stream"]),
        answer=st.sampled_from([400, 401, 403, 404, 429, 500, 503, "lost", "silent", "portal"]),
        times=few,
    )
    def answer(self, route: Any, answer: int | str, times: int) -> None:
        server = self.world.server
        match answer:
            case "lost":
                server.lose_answer(route, times=times)
            case "silent":
                server.keep_silent(route, times=times)
            case "portal":
                server.show_portal(route, times=times)
            case status:
                server.answer(route, int(status), {"detail": PARKED}, retry_after=2.0, times=times)

    @precondition(lambda self: self.world.server.is_registered)
    @rule(what=st.sampled_from(["approve", "revoke", "delete"]), pause=long_pauses)
    def operator(self, what: str, pause: float) -> None:
        getattr(self.world.server, what)()
        self.world.advance(pause)

    @rule(after=st.sampled_from([0.0, 2.0]))
    def power_cut(self, after: float) -> None:
        self.world.restart(after=after)
        self.lives.append(self.world.clock.monotonic())
        self.sights.clear()
        self.attempts_of_this_life = len(self.world.store.saved)
        self.world.advance(0.203)

    @rule()
    def bug(self) -> None:
        """A value that no line lets through makes its machine fault, if it looks at weights just then."""
        faults = self.world.faults()
        data = {"value": Quantity(5, "N"), "stable": True, "status": "ok", "raw": b"", "at": 0.0}
        self.world.tell(None, Event("weight.read", data))
        if self.world.faults() > faults:
            self.lives.append(self.world.clock.monotonic())
            self.attempts_of_this_life = len(self.world.store.saved)

    # What must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def every_weight_was_displayed_steady_for_its_card(self) -> None:
        before: WeighingRecord | None = None
        for record in self.world.records:
            touches = [touch for touch in self.newest_touches(before, record) if touch[1] == record.rfid_uid]
            assert touches, "not the card that was touched last, or none since the last record"
            self.check_steady(record, since=touches[-1][0])
            self.check_emptied(before, record)
            before = record

    @invariant()
    def the_server_has_nothing_twice_and_nothing_else(self) -> None:
        rows = [(row.uuid, row.rfid_uid, row.weight) for row in self.world.server.records]
        assert len(rows) == len({uuid for uuid, _, _ in rows})
        assert set(rows) <= {(r.uuid, r.rfid_uid, r.weight) for r in self.world.records}

    def newest_touches(self, before: WeighingRecord | None, record: WeighingRecord) -> list[tuple[float, str]]:
        """The newest touch that may count for a record, and the ones before it that it may only have repeated."""
        born = max(life for life in self.lives if life <= at(record))
        since = born if before is None else max(born, at(before))
        found: list[tuple[float, str]] = []
        for touch in reversed([touch for touch in self.touches if since <= touch[0] <= at(record)]):
            if found and found[-1][1] != touch[1] and not self.may_be_ignored(found[-1], before, born):
                break
            if not self.is_ignored(touch, before, born):
                found.append(touch)
        return found

    def is_ignored(self, touch: tuple[float, str], before: WeighingRecord | None, born: float) -> bool:
        """A card is read again while its box, recorded, is still on the scale."""
        if before is None or before.rfid_uid != touch[1] or at(before) < born:
            return False
        return not self.was_empty(at(before), touch[0])

    def may_be_ignored(self, touch: tuple[float, str], before: WeighingRecord | None, born: float) -> bool:
        """It depends on the very moment at which a line that began anew looked at its scale."""
        return before is not None and before.rfid_uid == touch[1] and at(before) < born

    def was_empty(self, first: float, last: float) -> bool:
        return any(s.weight is not None and s.weight < MIN_WEIGHT for s in self.shown(first, last))

    def shown(self, first: float, last: float) -> list[Shown]:
        return [s for s in self.world.scale().shown if first - ROUNDING <= s.at <= last + ROUNDING]

    def check_steady(self, record: WeighingRecord, since: float) -> None:
        moment = at(record)
        readings = self.shown(since, moment)
        begun = max((s.at for s in readings if s.at <= moment - STABLE_FOR + ROUNDING), default=None)
        assert begun is not None, "not watched for long enough"
        run = [s for s in readings if s.at >= begun]
        weights = [s.weight for s in run if s.weight is not None and s.reading.is_stable is not False]
        assert len(weights) == len(run) >= 3, "motion or overload"
        assert min(weights) >= MIN_WEIGHT
        assert max(weights) - min(weights) <= TOLERANCE
        assert all(later.at - earlier.at <= MAX_GAP + ROUNDING for earlier, later in pairwise(run)), "a gap"
        assert weights[-1] == Quantity(record.weight, record.unit), "not what was displayed"

    def check_emptied(self, before: WeighingRecord | None, record: WeighingRecord) -> None:
        if before is None:
            return
        born = max(life for life in self.lives if life <= at(record))
        if born <= at(before):
            assert self.was_empty(at(before), at(record)), "counted again on a scale that was not empty"
        else:  # its memory was gone, the record was not: the box that still stands there is known by its weight
            weight = Quantity(before.weight, before.unit)
            shown = [s.weight for s in self.shown(born, at(record)) if s.weight is not None]
            assert any(abs(s - weight) > TOLERANCE for s in shown), "counted again after a restart"

    # How it ends -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "world"):
            with self.world:
                self.mend()
                self.everything_is_where_it_belongs()
                self.the_line_weighs_on()

    def mend(self) -> None:
        world = self.world
        world.store.clear()
        world.server.clear()
        world.server.up()
        world.server.latency = 0.01
        self.remove(0.0)
        for _ in range(40):  # a machine that has faulted often is started anew after a minute at most
            world.advance(3)
            if world.server.backend.owner(world.gateway.access_token) is None:
                if world.server.is_registered:
                    world.server.approve()
            elif world.is_in("heartbeat", "registration") and world.is_in("idle") and not self.is_anything_waiting():
                return

    def is_anything_waiting(self) -> bool:
        return self.world.loop.run(self.world.store.counts()).waiting > 0

    def everything_is_where_it_belongs(self) -> None:
        world = self.world
        self.every_weight_was_displayed_steady_for_its_card()
        self.the_server_has_nothing_twice_and_nothing_else()
        assert world.is_in("heartbeat", "registration")
        assert set(world.store.saved[self.attempts_of_this_life :]) <= {r.uuid for r in world.records}
        arrived = {row.uuid for row in world.server.records}
        for record in world.records:
            assert record.is_sent or PARKED in str(record.rejected_reason)
            assert not record.is_sent or record.uuid in arrived

    def the_line_weighs_on(self) -> None:
        world = self.world
        before = len(world.records)
        assert world.is_in("idle")
        world.weigh("D4", q("12.340 kg"))
        assert [(r.rfid_uid, r.weight) for r in world.records[before:]] == [("D4", Decimal("12.340"))]
        world.until(lambda: world.records[-1].is_sent, within=20)


# The same stories each time in every day's tests; new ones in the long run.
SHORT = settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
LONG = settings(max_examples=2000, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestRandomHall(RandomHall.TestCase):
    settings = settings(SHORT, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.torture
class TestRandomHallForLong(RandomHall.TestCase):
    settings = LONG
