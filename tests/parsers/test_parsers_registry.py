"""The registry of protocols, and what it says when a name is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from parsers import PROTOCOLS, ProtocolError, UnknownProtocolError, make_parser


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_made_by_its_name(name: str) -> None:
    parser = make_parser(name)
    assert parser.protocol == name
    assert parser.rejected == 0
    assert PROTOCOLS[name].name == name
    assert PROTOCOLS[name].title


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cas-22", "9600 8N1"),
        ("cas-10", "9600 8N1"),
        ("and-std", "2400 7E1"),
        ("st-gs", "9600 8N1"),
        ("st-gs-7bit", "9600 7E1"),
        ("rdm6300", "9600 8N1"),
        ("id-12", "9600 8N1"),
    ],
)
def test_a_protocol_knows_how_its_line_is_set(name: str, line: str) -> None:
    assert str(PROTOCOLS[name].line) == line


def test_two_parsers_share_nothing() -> None:
    one, other = make_parser("cas-22"), make_parser("cas-22")
    one.feed(b"ST,GS,1")
    assert other.feed(b"\xe4,000013.5 kg\r\n") == []
    assert one.rejected == 0
    assert other.rejected == 1


@pytest.mark.parametrize(("name", "meant"), [("cas22", "cas-22"), ("CAS-22", "cas-22"), ("rdm-6300", "rdm6300")])
def test_a_misspelt_protocol_is_answered_with_the_one_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(UnknownProtocolError) as caught:
        make_parser([name, "rdm6300"])
    assert caught.value.suggestion == meant
    assert f"no protocol is called '{name}'; did you mean '{meant}'?" in str(caught.value)


def test_an_unknown_protocol_is_answered_with_all_there_are() -> None:
    with pytest.raises(UnknownProtocolError) as caught:
        make_parser("zzz")
    assert caught.value.suggestion is None
    assert caught.value.known == tuple(sorted(PROTOCOLS))
    assert str(caught.value).endswith("Protocols are " + ", ".join(sorted(PROTOCOLS)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "at least one protocol"),
        (["cas-22", "cas-22"], "named twice"),
        (["cas-22", "rdm6300", "cas-10"], "cas-22 and cas-10 cannot share a port"),
    ],
)
def test_protocols_that_cannot_share_a_port_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        make_parser(names)


def test_one_name_in_a_list_is_that_protocol() -> None:
    assert type(make_parser(["cas-22"])) is type(make_parser("cas-22"))


def test_a_combined_parser_is_called_by_all_its_names() -> None:
    assert make_parser(["cas-22", "rdm6300"]).protocol == "cas-22+rdm6300"


def test_the_package_imports_nothing_of_the_engine_and_nothing_heavy() -> None:
    script = "import sys, parsers, parsers.frames; print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout.split()
    heavy = {"engine", "statemachine", "pony", "serial", "httpx", "ruamel", "difflib", "asyncio"}
    assert not heavy & {name.partition(".")[0] for name in modules}
