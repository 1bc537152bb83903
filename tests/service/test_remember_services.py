"""store.remember, recall, forget and save_record as charts invoke them; and what a chart must handle of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.bindings.registry import Help, Parameter, Registry, RegistryError
from engine.bindings.shipped import shipped_registry
from engine.bindings.types import TEXT
from engine.chart.load import build_checked, load_chart
from engine.clock import VirtualClock
from engine.documents.source import load_yaml
from engine.errors import DiagnosticError
from engine.ports import Card, GatewayIdentity, Outcome, WeighingRecord
from engine.service.host import Call
from engine.service.services import GatewayServices
from engine.testing.memory_store import MemoryStore
from engine.units import Quantity

IDENTITY = GatewayIdentity("AA:BB:CC:DD:EE:01", "gate", "192.0.2.1", "gate")
MEASURED_AT = datetime(2026, 1, 31, 5, 30, tzinfo=UTC)


class Desk:
    """The services over a store in memory, called with the arguments that a chart would complete."""

    def __init__(self, unit: str = "kg") -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        services = GatewayServices(self.store, None, IDENTITY, unit, clock=self.clock)  # type: ignore[arg-type]
        self.table = services.table()
        self.registry = shipped_registry()
        self.call = Call("gate-1", load_chart("weighing", self.registry), lambda _event: None)

    def __call__(self, service: str, **given: object) -> Outcome:
        spec = self.registry.services[service]
        defaults = {name: p.default for name, p in spec.parameters.items() if not p.is_required}
        outcome = asyncio.run(self._await(service, {**defaults, **given}))
        declared = spec.outcomes[outcome.name]
        assert set(outcome.payload) == set(declared)
        return outcome

    async def _await(self, service: str, arguments: Mapping[str, object]) -> Outcome:
        return await self.table[service](self.call, **arguments)

    def save(self, number: int = 1, weight: str = "3", **given: object) -> str:
        record = {"rfid_uid": "T1", "weight": Quantity(weight, "kg"), "measured_at": MEASURED_AT}
        return self("store.save_record", **{"id": str(UUID(int=number)), **record, **given}).name

    @property
    def records(self) -> list[WeighingRecord]:
        return list(asyncio.run(self.store.records_after(0, 99)))


def test_what_is_remembered_is_recalled_until_it_expires_or_is_forgotten() -> None:
    desk = Desk()
    fields: dict[str, object] = {"weight": Quantity("40000", "kg"), "plate": "12가 3456"}
    assert desk("store.recall", key="truck/T1").name == "absent"
    assert desk("store.remember", key="truck/T1", fields=fields, expires=60.0).name == "saved"
    found = desk("store.recall", key="truck/T1")
    assert found.payload == {"fields": fields, "saved_at": desk.clock.now()}
    desk.clock.advance(60)
    assert desk("store.recall", key="truck/T1").name == "absent"
    desk("store.remember", key="truck/T1", fields=fields)
    desk.clock.advance(10**9)
    assert desk("store.recall", key="truck/T1").name == "found"
    assert desk("store.forget", key="truck/T1").name == "done"
    assert desk("store.recall", key="truck/T1").name == "absent"


def test_a_record_takes_a_row_once_and_says_when_there_is_none() -> None:
    desk = Desk()
    assert desk.save(1, take="truck/T1") == "missing"
    desk("store.remember", key="truck/T1", fields={})
    assert [desk.save(number, take="truck/T1") for number in (1, 1, 2)] == ["saved", "saved", "missing"]
    assert desk.save(3) == "saved"
    assert [record.took for record in desk.records] == ["truck/T1", None]


def test_masses_beside_the_weight_are_kept_in_the_weights_unit() -> None:
    desk = Desk("kg")
    gross = {"gross": Quantity("40000500", "g"), "pull": Quantity(3, "N"), "axles": 3, "plate": "가"}
    desk.save(weight="25000", extra=gross)
    [record] = desk.records
    assert str(record.extra["gross"]) == "40000.5 kg"
    assert record.extra == {**gross, "gross": Quantity("40000.5", "kg")}


def test_a_mass_that_has_no_exact_value_in_the_sites_unit_is_rounded_as_the_weight_is() -> None:
    desk = Desk("lb")
    desk.save(weight="1", extra={"gross": Quantity(1, "kg")})
    [record] = desk.records
    assert record.extra["gross"] == Quantity(record.weight, "lb")


def test_a_card_is_known_unknown_or_no_longer_in_use() -> None:
    desk = Desk()
    cards = [Card("0A0B", "김철수", kind="owner", extra={"조합": "1"}), Card("0A0C", "분실", is_active=False)]
    asyncio.run(desk.store.save_cards(cards))
    known = desk("cards.lookup", uid="0a0b")
    assert (known.name, known.payload) == ("known", {"name": "김철수", "kind": "owner", "extra": {"조합": "1"}})
    assert desk("cards.lookup", uid="0A0C") == Outcome("inactive", {"name": "분실"})
    assert desk("cards.lookup", uid="FFFF").name == "unknown"


# Charts ---------------------------------------------------------------------------------------------------------------

SAVING = """\
chart: saving
initial: saving
states:
  saving:
    invoke:
      service: store.save_record
      with: {id: "${new_id()}", rfid_uid: A1, weight: 3 kg, measured_at: "${now()}", TAKE}
      timeout: 5 s
      on: {saved: done, full: done, error: done, timeout: done, MISSING}
  done: {type: final}
"""


def codes(take: str, missing: str) -> list[tuple[str, Any]]:
    text = SAVING.replace(", TAKE", take).replace(", MISSING", missing)
    try:
        build_checked(load_yaml(text), shipped_registry())
    except DiagnosticError as error:
        return [(found.code, found.params["name"]) for found in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("take", "missing", "expected"),
    [
        ("", "", []),
        (', take: "truck/1"', ", missing: done", []),
        (', take: "truck/1"', "", [("missing-outcome", "missing")]),
        ("", ", missing: done", [("outcome-needs-argument", "missing")]),
    ],
    ids=["neither", "both", "not handled", "never happens"],
)
def test_an_outcome_that_an_argument_makes_possible_is_handled_with_it_only(
    take: str, missing: str, expected: list[tuple[str, Any]]
) -> None:
    assert codes(take, missing) == expected


@pytest.mark.parametrize(
    ("outcome", "argument"),
    [("lost", "take"), ("missing", "token"), ("missing", "key")],
    ids=["no such outcome", "no such argument", "always given"],
)
def test_a_service_declares_such_an_outcome_with_an_argument_that_may_be_left_out(outcome: str, argument: str) -> None:
    parameters = {"key": Parameter(TEXT), "take": Parameter(TEXT, None)}
    with pytest.raises(RegistryError, match=f"no outcome '{outcome}' that depends on '{argument}'"):
        Registry().service(
            "own.save",
            "store",
            parameters,
            outcomes={"missing": {}},
            only_with={outcome: argument},
            help=Help("", ""),
            source="test",
        )
