"""Every protocol with a reference passes the strict kit, on its documented frames and on ones built from its layout."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from frame_facts import load_facts
from frame_oracles import ORACLES
from kit import CHECKS, Case

from parsers import PROTOCOLS, CardReading, Reading, WeightReading, make_parser


def _weight(frame: bytes, value: str | None, unit: str | None, **rest: object) -> tuple[bytes, Reading]:
    return frame, WeightReading(None if value is None else Decimal(value), unit, raw=frame, **rest)  # type: ignore[arg-type]


_OVERLOAD = {"is_stable": False, "status": "overload"}
_MORE: dict[str, list[tuple[bytes, Reading]]] = {
    "cas-22": [
        _weight(b"US,GS,:\xa4,      .5  t\r\n", "0.5", "t", is_stable=False, mode="gross"),
        _weight(b"ST,NT,1\x0d,   -12.0 lb\r\n", "-12.0", "lb", is_stable=True, mode="net"),
        _weight(b"ST,GS,;\x02,+00050.0 Kg\r\n", "50.0", "kg", is_stable=True, mode="gross"),
        _weight(b"OL,GS,1\x84,-        kg\r\n", None, "kg", mode="gross", **_OVERLOAD),
        _weight(b"OL,NT,1\x82,           \r\n", None, None, mode="net", **_OVERLOAD),
    ],
    "cas-10": [
        _weight(b"-    2.5\r\n", "-2.5", None, is_stable=None),
        _weight(b"    -0.5\r\n", "-0.5", None, is_stable=None),
        _weight(b"  000050\r\n", "50", None, is_stable=None),
        _weight(b"0000050.\r\n", "50", None, is_stable=None),
    ],
    "and-std": [
        _weight(b"US,-000123.4 kg\r\n", "-123.4", "kg", is_stable=False),
        _weight(b"QT,+00012345 PC\r\n", "12345", "pcs", is_stable=True, mode="count"),
        _weight(b"OL,-99999999 PC\r\n", None, "pcs", mode="count", **_OVERLOAD),
        _weight(b"OL,+9999999E+19\r\n", None, None, **_OVERLOAD),
    ],
    "st-gs": [
        _weight(b"ST,GR,+  4.876 kg\r\n", "4.876", "kg", is_stable=True, mode="gross"),
        _weight(b"US,NT-   20.7,kg\r\n", "-20.7", "kg", is_stable=False, mode="net"),
        _weight(b"OL,GS,+       kg\r\n", None, "kg", mode="gross", **_OVERLOAD),
        _weight(b"ST,GS,+12 kg\r\n", "12", "kg", is_stable=True, mode="gross"),
    ],
    "st-gs-7bit": [_weight(b"ST,GS,+  4.876kg\r\n", "4.876", "kg", is_stable=True, mode="gross")],
    "id-12": [(f := b"\x0201000734E0D2\r\n\x03", CardReading("01000734E0", f))],
}


def _frames(protocol: str) -> tuple[tuple[bytes, Reading], ...]:
    facts = [(fact.frame, fact.reading) for fact in load_facts() if fact.protocol == protocol and fact.reading]
    return (*facts, *_MORE.get(protocol, ()))


def _case(protocol: str) -> Case:
    kind = PROTOCOLS[protocol].kind
    return Case(protocol, lambda: make_parser(protocol), _frames(protocol), is_checked=kind == "reader")


_CASES = [_case(protocol) for protocol in ORACLES]
_COMBINED = [
    Case(
        "+".join(names),
        lambda names=names: make_parser(names),  # type: ignore[misc]
        tuple(frame for name in names for frame in _frames(name)[:3]),
        is_checked=False,
    )
    for names in (["cas-22", "rdm6300"], ["id-12", "cas-10"], ["st-gs-7bit", "rdm6300", "id-12"])
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("case", _CASES + _COMBINED, ids=lambda case: case.name)
def test_a_protocol_passes_the_kit(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


def test_every_protocol_with_a_reference_has_a_documented_frame() -> None:
    assert {fact.protocol for fact in load_facts()} >= set(ORACLES)
