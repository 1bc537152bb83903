"""Small pieces of the station's face: limits read back, frames, lights, the command that makes keys."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from engine.cli.main import main
from engine.clock import SystemClock
from engine.sequence.limits import Limit, written
from engine.sequence.records import StepRecord, StepStatus
from engine.sequence.telling import told
from engine.station.editing import EditError, StationFile
from engine.station.status import Progress
from engine.station.web.hub import Listener
from engine.station.web.keys import KeyRing
from engine.station.web.lights import lit
from engine.station.web.models import camel_name
from engine.station.web.words import frame
from engine.station.yields import bounds
from tests.station.face_kit import START, run


@pytest.mark.parametrize(
    ("limits", "unit", "expected"),
    [
        ((Limit("range", (Decimal("3.1"), Decimal("3.5"))), Limit("marginal", (3.2, 3.4))), "V", (3.1, 3.5)),
        ((Limit("range", ("3.1 V", "3.5 V")),), "V", (3.1, 3.5)),
        ((Limit("at_least", 2),), "", (2.0, None)),
        ((Limit("at_most", Decimal("1.5")),), "A", (None, 1.5)),
        ((Limit("at_least", 2), Limit("at_most", 5), Limit("range", (1, 4))), "", (2.0, 4.0)),
        ((Limit("within", {"of": 5.0, "percent": 5}),), "V", (4.75, 5.25)),
        ((Limit("within", {"of": -5, "by": 1}),), "V", (-6.0, -4.0)),
        ((Limit("pattern", "a ... b"),), "", (None, None)),
        ((Limit("one_of", ["x ± y", ">= 3 or so"]),), "", (None, None)),
        ((Limit("equals", 3),), "", (None, None)),
        ((), "", (None, None)),
    ],
)
def test_limits_are_read_back_from_what_was_written_of_them(
    limits: tuple[Limit, ...], unit: str, expected: tuple[float | None, float | None]
) -> None:
    assert bounds(written(limits), unit) == expected


@given(st.one_of(st.text(max_size=400), st.sampled_from([125, 126, 127, 65535, 65536]).map("x".__mul__)))
def test_a_frame_is_what_a_websocket_library_writes(text: str) -> None:
    assert frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_names_are_written_as_the_requirements_write_them() -> None:
    assert [camel_name(name) for name in ("overall_pass", "pass", "execution_id")] == [
        "overallPass", "pass", "executionId",
    ]  # fmt: skip


def test_a_state_is_lit_by_its_whole_name_and_compound_ones_too() -> None:
    svg = '<g class="state" data-state="a"/><g class="state" data-state="ab"/><g class="state" data-state="a&amp;b"/>'
    assert lit(svg, ["a", "a&b"]).count("active") == 2
    assert lit(svg, []) == svg


def test_a_listener_that_has_too_much_before_it_is_let_go() -> None:
    listener = Listener(limit=2)
    for _ in range(3):
        listener.put(b"x")
    assert listener.is_slow
    assert listener.gone.is_set()


def test_what_can_be_written_at_once_is_and_nothing_overtakes_what_is_being_sent() -> None:
    sent: list[bytes] = []
    is_free = True

    def write_now(framed: bytes) -> bool:
        if is_free:
            sent.append(framed)
        return is_free

    async def scenario() -> None:
        nonlocal is_free
        listener = Listener(write_now=write_now)
        listener.put(b"1")
        listener.put(b"2")
        listener.wake()
        assert sent == [b"12"]
        is_free = False
        listener.put(b"3")
        listener.wake()
        taken = await listener.take()  # whoever sends what had to wait
        is_free = True
        listener.put(b"4")
        listener.wake()
        assert (taken, sent) == (b"3", [b"12"])
        assert await listener.take() == b"4"

    run(scenario())


def test_a_file_that_is_gone_or_no_station_any_more_is_told(tmp_path: Path) -> None:
    file = StationFile(tmp_path / "station.yaml", {})
    with pytest.raises(EditError, match="cannot be read"):
        file.add("batch_1", {"sequencePackage": "power_board"})
    assert run(file.written("batch_1")) is None
    not_korean = "station: {id: 가}\n".encode("cp949")
    for text in (b"- 1\n", b"station: {id: a}\nbatches: 5\n", b"station: {id: a}\nbatches: []\n", not_korean):
        (tmp_path / "station.yaml").write_bytes(text)
        with pytest.raises(EditError):
            file.remove("batch_1")
        assert run(file.written("batch_1")) is None


def test_what_a_file_says_of_a_batch_is_read_once_until_the_file_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        nonlocal reads
        reads += 1
        return read_bytes(path)

    async def scenario() -> None:
        path = tmp_path / "station.yaml"
        file = StationFile(path, {})
        for name in ("first", "second"):
            path.write_text(f"station: {{id: a}}\nbatches:\n  - {{id: batch_1, name: {name}}}\n")
            assert [await file.written("batch_1") for _ in range(3)] == [{"id": "batch_1", "name": name}] * 3
        assert reads == 2

    monkeypatch.setattr(Path, "read_bytes", counted)
    run(scenario())


def test_keys_are_made_listed_and_revoked_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "station.yaml"
    config.write_text('station: {id: a}\nbackend: {url: "http://x", api_key: "${NOT_SET_HERE}"}\nbatches: []\n')

    def key(*words: str) -> SimpleNamespace:
        code = main(["station", "key", *words, "--config", str(config)])
        return SimpleNamespace(code=code, out=capsys.readouterr().out.strip())

    made = key("new", "line-3")
    assert made.code == 0
    assert KeyRing(tmp_path / "data").owner(made.out) == "line-3"
    assert key("new", "line-3").code == 1
    assert key("new", "").code == 2
    assert key("list").out.startswith("line-3  20")
    assert key("revoke", "line-3").code == 0
    assert key("list").out == ""
    assert key("revoke", "line-3").code == 1


def test_a_step_that_a_repeat_adds_is_never_told_to_be_the_eleventh_of_ten() -> None:
    progress = Progress(total=10)
    progress.begin("e")
    for order in (10, 11):
        record = StepRecord("e", order, order, "sample", f"again[{order}]/sample", StepStatus.RUNNING)
        progress.note(record)
        shown = told(record, record.to_json(), 10, START)
        assert shown is not None
        assert (shown.data["index"], shown.data["total"]) == (order, order)
        status = progress.told(SystemClock())
        assert (status["step_index"], status["total_steps"]) == (order, order)
