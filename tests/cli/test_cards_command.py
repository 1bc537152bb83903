"""engine cards: import, list and show, beside a running service and without one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.cli.main import main
from engine.documents import catalog
from engine.service.config import load_site
from engine.service.gateway import Gateway

SITE = """\
server: {url: "http://127.0.0.1:9"}
lines:
  - name: dock-1
    devices: {scale: {port: /dev/no-such-port, protocol: cas-22}}
"""
CARDS = "카드번호,이름,사용여부,구분,조합\n0A006091E1,김철수,사용,owner,1수협\n04FFFFFF,분실,중지,,\n"


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    Path("site.yaml").write_text(SITE, encoding="utf-8")
    Path("cards.csv").write_text(CARDS, encoding="cp949")
    yield
    structlog.reset_defaults()
    for ballast in tmp_path.glob("*.ballast"):
        ballast.unlink()


def test_cards_are_imported_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "import", "cards.csv", "--dry-run"]) == 0
    assert "2 added" in capsys.readouterr().out
    assert main(["cards", "list"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["cards", "import", "cards.csv"]) == 0
    assert main(["cards", "import", "cards.csv", "--replace"]) == 0
    assert "0 added, 0 changed, 2 unchanged, 0 removed" in capsys.readouterr().out
    assert main(["cards", "list"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["04FFFFFF", "inactive", "분실"]
    assert second.split() == ["0A006091E1", "active", "김철수", "(owner)", "조합=1수협"]
    assert main(["cards", "show", "0a:00:60:91:e1"]) == 0
    assert "name: 김철수\nactive: yes\nkind: owner\n조합: 1수협" in capsys.readouterr().out
    assert main(["cards", "show", "0B"]) == 1


def test_nothing_is_imported_of_a_file_with_one_bad_row(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.csv").write_text("uid,name\n0A0B,a\n0A0,b\n0A0B,c\n", encoding="utf-8")
    assert main(["cards", "import", "bad.csv"]) == 1
    told = capsys.readouterr().err
    assert "bad.csv:3:1: error[card-uid-malformed]" in told
    assert "bad.csv:4:1: error[card-duplicate]" in told
    assert main(["cards", "list"]) == 0
    assert capsys.readouterr().out == ""


def test_a_running_service_imports_for_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        gateway = Gateway(load_site(None, os.environ))
        async with asyncio.TaskGroup() as tasks:
            service = tasks.create_task(gateway.run())
            ready = tasks.create_task(gateway.ready.wait())
            await asyncio.wait({service, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
            code = await asyncio.to_thread(main, ["cards", "import", "cards.csv"])
            gateway.stop()
        assert code == 0

    asyncio.run(scenario())
    capsys.readouterr()
    assert main(["cards", "show", "0A006091E1"]) == 0
    assert "김철수" in capsys.readouterr().out


def test_every_complaint_about_a_list_is_worded_in_both_languages() -> None:
    codes = {code for code in catalog.codes() if code.startswith("card-")}
    assert len(codes) >= 12
    assert codes <= catalog.codes("ko")


def test_the_lines_of_a_station_have_their_cards_in_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    Path("station.yaml").write_text("station: {id: hall}\nbatches: []\npaths: {data: kept}\n", encoding="utf-8")
    Path("kept").mkdir()
    assert main(["cards", "import", "cards.csv", "--config", "station.yaml"]) == 0
    assert main(["cards", "list"]) == 0
    assert "김철수" not in capsys.readouterr().out, "the site beside it has a table of its own"
    assert main(["cards", "list", "--config", "station.yaml"]) == 0
    assert "김철수" in capsys.readouterr().out
    assert Path("kept", "ledger.sqlite").is_file()
    for ballast in Path("kept").glob("*.ballast"):
        ballast.unlink()
