"""Changes of station.yaml: every line that does not belong to the batch in question stays as it is, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.station.editing import Draft, EditError, StationFile
from engine.station.web.batch_models import USUAL

FILE = """\
# 우리 공장\t탭이 있는 주석
station: {id: line-1, name: 1라인}   # 한글
server:
    port: 8080 # four spaces

batches:
    # 첫째 앞
    - &first
      id: batch_1
      name: "첫째" #\t바뀌면 여기
      sequencePackage: mini
      hardware: &hardware {rig: {port: a}}   # 앵커
      parameters:
        n: 0x10

        # n 뒤
        mode: 'ok'

    # 둘째 앞
    - id: batch_2
      sequencePackage: mini
      hardware: *hardware
      # 둘째 끝
    # 셋째 앞
    - {id: batch_3, sequencePackage: mini, after_crash: ask}   # 한 줄
    -
      id: batch_4
      sequencePackage: mini
      name: >-
        두 줄에
        걸친 이름

# 파일 끝
"""
SECOND = "    - id: batch_2\n      sequencePackage: mini\n      hardware: *hardware\n"
THIRD = "    - {id: batch_3, sequencePackage: mini, after_crash: ask}   # 한 줄\n"
FOURTH = "        걸친 이름\n"
NEW = "    - id: batch_9\n      sequencePackage: mini\n      parameters:\n        n: 1\n"
OF_FIRST = {"sequencePackage": "mini", "hardware": {"rig": {"port": "a"}}, "parameters": {"n": 16, "mode": "ok"}}


def add(file: StationFile) -> Draft:
    return file.add("batch_9", {"sequencePackage": "mini", "parameters": {"n": 1}})


def rename(file: StationFile) -> Draft:
    return file.replace("batch_1", {**OF_FIRST, "name": "바뀜"}, USUAL)


def tell_less(file: StationFile) -> Draft:
    return file.replace("batch_3", {"sequencePackage": "mini", "after_crash": "cleanup"}, USUAL)


@pytest.mark.parametrize(
    ("do", "old", "new"),
    [
        (add, FOURTH, FOURTH + NEW),
        (rename, '"첫째"', '"바뀜"'),
        (tell_less, "after_crash: ask}   #", "after_crash: cleanup} #"),  # a comment keeps its column if it can
        (lambda file: file.remove("batch_2"), SECOND, ""),
        (lambda file: file.remove("batch_3"), THIRD, ""),
        (lambda file: file.remove("batch_4"), FILE[FILE.index("    -\n") : FILE.index("\n# 파일 끝")], ""),
    ],
    ids=["add", "rename", "flow", "remove", "remove-flow", "remove-last"],
)
@pytest.mark.parametrize(("mark", "ending"), [("", "\n"), ("\ufeff", "\r\n")], ids=["unix", "windows"])
def test_a_change_touches_the_lines_of_its_batch_alone(
    tmp_path: Path, do: Callable[[StationFile], Draft], old: str, new: str, mark: str, ending: str
) -> None:
    path = tmp_path / "station.yaml"
    path.write_bytes((mark + FILE.replace("\n", ending)).encode())
    do(StationFile(path, {})).commit()
    assert path.read_bytes().decode() == mark + FILE.replace(old, new).replace("\n", ending)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("batches: []  # 아직\n", "  - id: batch_9"),
        ("batches: [{id: a, sequencePackage: mini}]\n", "id: batch_9"),
        ("batches:\n- id: a\n  sequencePackage: mini", "- id: batch_9"),
    ],
    ids=["empty", "brackets", "no-newline"],
)
def test_a_list_of_any_looks_takes_another_batch(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "station.yaml"
    path.write_text("station: {id: a}\n" + before, encoding="utf-8")
    draft = add(StationFile(path, {}))
    draft.commit()
    assert after in path.read_text(encoding="utf-8")
    assert draft.batch("batch_9").parameters == {"n": 1}
    assert path.read_text(encoding="utf-8").endswith("\n") or "[" in before


def test_what_others_refer_to_is_kept_by_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(FILE, encoding="utf-8")
    draft = StationFile(path, {}).remove("batch_1")
    draft.commit()
    assert draft.batch("batch_2").hardware == {"rig": {"port": "a"}}
    assert [one.id for one in draft.settings.batches] == ["batch_2", "batch_3", "batch_4"]


def test_what_somebody_saves_by_hand_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(FILE, encoding="utf-8")
    draft = add(StationFile(path, {}))
    by_hand = FILE.replace("8080", "9090")
    path.write_text(by_hand, encoding="utf-8")
    with pytest.raises(EditError, match="somebody else"):
        draft.commit()
    draft.drop()
    assert path.read_text(encoding="utf-8") == by_hand
    add(StationFile(path, {})).commit()
    assert path.read_text(encoding="utf-8") == by_hand.replace(FOURTH, FOURTH + NEW)


def test_a_draft_is_of_what_was_saved_while_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(FILE, encoding="utf-8")
    by_hand, read = [FILE.replace("8080", "9090")], Path.read_bytes

    def read_then_saved(which: Path) -> bytes:
        found = read(which)
        if which == path and by_hand:
            path.write_text(by_hand.pop(), encoding="utf-8")
        return found

    monkeypatch.setattr(Path, "read_bytes", read_then_saved)
    add(StationFile(path, {})).commit()
    assert path.read_text(encoding="utf-8") == FILE.replace("8080", "9090").replace(FOURTH, FOURTH + NEW)


@settings(max_examples=15, deadline=None)
@given(
    indents=st.integers(0, 4),
    gaps=st.lists(st.sampled_from(["", "\n", "# 주석\n", "  # 주석\n\n"]), min_size=3, max_size=3),
    flow=st.lists(st.booleans(), min_size=3, max_size=3),
    which=st.integers(0, 2),
)
def test_what_is_added_and_removed_again_leaves_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory, indents: int, gaps: list[str], flow: list[bool], which: int
) -> None:
    space = " " * indents
    items = [
        f"{space}- {{id: b{n}, sequencePackage: mini}}  # {n}\n" if flow[n]
        else f"{space}- id: b{n}  # {n}\n{space}  sequencePackage: mini\n"
        for n in range(3)
    ]  # fmt: skip
    text = "station: {id: a}\nbatches:\n" + "".join(gap + item for gap, item in zip(gaps, items, strict=True))
    path = tmp_path_factory.mktemp("edited") / "station.yaml"
    path.write_text(text, encoding="utf-8")
    add(StationFile(path, {})).commit()
    assert path.read_text(encoding="utf-8").startswith(text)
    StationFile(path, {}).remove("batch_9").commit()
    assert path.read_text(encoding="utf-8") == text
    StationFile(path, {}).remove(f"b{which}").commit()
    assert path.read_text(encoding="utf-8") == text.replace(items[which], "")
