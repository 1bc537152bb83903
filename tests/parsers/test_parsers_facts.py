"""The table of real and documented frames: each gives its reading, and what is invalid gives none."""

from __future__ import annotations

import pytest
from frame_facts import ANY_PROTOCOL, Fact, load_facts
from frame_oracles import ORACLES
from kit import bare

from parsers import make_parser

_FACTS = load_facts()
_VALID = [fact for fact in _FACTS if fact.reading is not None]
_INVALID = [
    (name, fact) for fact in _FACTS if fact.reading is None for name in ORACLES if fact.protocol in (name, ANY_PROTOCOL)
]
# One format at two widths of the wire: what one reads, the other may.
_SAME_FORMAT = {"st-gs", "st-gs-7bit"}


@pytest.mark.parametrize("fact", _VALID, ids=lambda fact: f"{fact.protocol}-{fact.frame!r}")
def test_a_documented_frame_gives_its_reading(fact: Fact) -> None:
    assert make_parser(fact.protocol).feed(fact.frame) == [fact.reading]


@pytest.mark.parametrize(
    ("protocol", "fact"), _INVALID, ids=lambda item: item if isinstance(item, str) else repr(item.frame)
)
def test_an_invalid_frame_gives_nothing_and_is_counted(protocol: str, fact: Fact) -> None:
    parser = make_parser(protocol)
    assert parser.feed(fact.frame) == []
    assert parser.rejected >= 1


@pytest.mark.parametrize("protocol", ORACLES)
def test_no_protocol_reads_the_frames_of_another(protocol: str) -> None:
    parser = make_parser(protocol)
    for fact in _VALID:
        if fact.protocol != protocol and not {fact.protocol, protocol} <= _SAME_FORMAT:
            assert parser.feed(fact.frame) == [], fact


def test_all_documented_frames_of_a_protocol_pass_in_one_stream() -> None:
    for protocol in ORACLES:
        facts = [fact for fact in _VALID if fact.protocol == protocol] * 3
        got = make_parser(protocol).feed(b"".join(fact.frame for fact in facts))
        assert [bare(reading) for reading in got] == [bare(fact.reading) for fact in facts if fact.reading]
