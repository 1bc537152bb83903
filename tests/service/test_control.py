"""The control socket: commands of this machine ask the running service, and nobody else can."""

from __future__ import annotations

import asyncio
import json
import stat
import tempfile
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.clock import VirtualClock
from engine.errors import EngineError
from engine.ports import Card, CardChanges, StoreError, StoreLockedError
from engine.service.card_desk import control_commands, open_cards
from engine.service.control import ControlError, ControlServer, NotRunningError, ask, control_path
from engine.store import open_store

URL = "sqlite:///ledger.sqlite"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


async def echo(arguments: Mapping[str, Any]) -> object:
    return arguments


async def refuse(_arguments: Mapping[str, Any]) -> object:
    raise EngineError("dock-1: not now; try again")


async def break_down(arguments: Mapping[str, Any]) -> object:
    return arguments["missing"]


COMMANDS = {"echo": echo, "refuse": refuse, "break": break_down}


def test_a_command_is_answered_with_its_result_or_with_the_reason(tmp_path: Path) -> None:
    path = control_path(URL, tmp_path)

    async def scenario() -> None:
        async with ControlServer(path, COMMANDS):
            assert await ask(path, "echo", {"이름": ["갈치", 1]}) == {"이름": ["갈치", 1]}
            big = {"cards": ["0A0B0C0D" * 10] * 10_000}
            assert await ask(path, "echo", big) == big
            with pytest.raises(ControlError, match=r"^dock-1: not now; try again$"):
                await ask(path, "refuse")
            with pytest.raises(ControlError, match="the service failed: KeyError"):
                await ask(path, "break")
            with pytest.raises(ControlError, match="it knows break, echo, refuse"):
                await ask(path, "format")

    run(scenario())


def test_only_the_owner_may_open_the_socket_and_it_is_gone_with_the_service(tmp_path: Path) -> None:
    path = control_path(URL, tmp_path)

    async def scenario() -> None:
        async with ControlServer(path, COMMANDS):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()
        with pytest.raises(NotRunningError):
            await ask(path, "echo")

    run(scenario())


def test_the_socket_of_a_service_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    path = control_path(URL, tmp_path)
    path.parent.mkdir(mode=0o700, exist_ok=True)  # a temporary folder may have a long name
    path.write_bytes(b"")

    async def scenario() -> None:
        with pytest.raises(NotRunningError):
            await ask(path, "echo")
        async with ControlServer(path, COMMANDS):
            assert await ask(path, "echo") == {}

    run(scenario())


def test_a_path_too_long_for_a_socket_is_replaced_by_a_short_one_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tempfile.mkdtemp()
    monkeypatch.setattr(tempfile, "tempdir", temporary)
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    path = control_path(URL, folder)
    assert len(str(path)) < 100
    other = control_path("sqlite:///other.sqlite", folder)
    assert path == control_path(URL, folder) != other

    async def scenario() -> None:
        async with ControlServer(path, COMMANDS):
            assert await ask(path, "echo", {"a": 1}) == {"a": 1}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            async with ControlServer(other, COMMANDS):
                pass
            assert await ask(path, "echo", {"a": 2}) == {"a": 2}, "the end of one service is not that of another"

    run(scenario())
    Path(temporary).rmdir()  # nothing was left there


def test_a_socket_that_cannot_be_made_costs_nothing_but_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ControlServer(tmp_path / "no" / "such" / "folder.control", COMMANDS):
            pass

    run(scenario())


@pytest.mark.parametrize(
    "line", [b"{}\n", b"[]\n", b"\xff\n", b'{"do": []}\n', b'{"do": "echo", "with": 1}\n', b"half"]
)
def test_rubbish_is_answered_and_the_next_caller_is_served(tmp_path: Path, line: bytes) -> None:
    path = control_path(URL, tmp_path)

    async def scenario() -> None:
        async with ControlServer(path, COMMANDS):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(line)
            writer.write_eof()
            answer = await reader.readline()
            assert "ok" in json.loads(answer)
            writer.close()
            await writer.wait_closed()
            assert await ask(path, "echo") == {}

    run(scenario())


def test_a_caller_that_stays_does_not_hold_up_the_end_of_the_service(tmp_path: Path) -> None:
    path = control_path(URL, tmp_path)

    async def scenario() -> None:
        async with asyncio.timeout(5):
            async with ControlServer(path, COMMANDS):
                reader, writer = await asyncio.open_unix_connection(str(path))
                await ask(path, "echo")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    run(scenario())


def test_cards_are_kept_through_the_service_and_directly_when_it_is_stopped(tmp_path: Path) -> None:
    card, other = Card("0A0B", "김철수", kind="owner", extra={"조합": "1"}), Card("0A0C", is_active=False)

    async def scenario() -> None:
        async with await open_store(URL, base_dir=tmp_path, clock=VirtualClock()) as store:
            with pytest.raises(StoreLockedError):
                async with open_cards(URL, tmp_path):
                    pass
            listening = ControlServer(control_path(URL, tmp_path), control_commands(store))
            async with listening, open_cards(URL, tmp_path) as table:
                assert await table.save_cards([card, other]) == CardChanges(2, 0, 0, 0)
                assert await table.save_cards([card], replace=True, dry_run=True) == CardChanges(0, 0, 1, 1)
                assert await table.find_card("0a0b") == card
                assert await table.find_card("0A") is None
                with pytest.raises(ControlError, match="no card's number"):
                    await table.save_cards([Card("x")])
        async with open_cards(URL, tmp_path) as table:
            assert list(await table.list_cards()) == [card, other]
            with pytest.raises(StoreError):
                await table.save_cards([Card("x")])

    run(scenario())
