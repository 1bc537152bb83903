"""A batch's process is ready sooner with the methods of dataclasses kept compiled; nothing else changes."""

import dataclasses
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from engine.station import generated as module
from engine.station.generated import Generated


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Where a module would be whose bytecode may be written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "module.py"
    kept(file).parent.mkdir(parents=True)
    return str(file)


def kept(source):
    return Path(cache_from_source(str(source))).with_suffix(".generated")


def made(source):
    """A class that is made with what is kept, and how many texts were compiled for it."""
    generated = Generated(source)
    before = len(generated._code)
    with generated:

        @dataclasses.dataclass(frozen=True, slots=True, order=True)
        class Weight:
            """A weight."""

            grams: int
            unit: str = "g"

    return Weight, len(generated._code) - before


def test_a_class_from_kept_code_is_the_class_that_would_be_compiled(source):
    _, compiled = made(source)
    weight, compiled_again = made(source)
    assert (compiled > 0, compiled_again) == (True, 0)
    assert repr(weight(5)).endswith("Weight(grams=5, unit='g')")
    assert weight(5) == weight(5, "g")
    assert hash(weight(5)) == hash(weight(5))
    assert weight(4) < weight(5)
    assert dataclasses.replace(weight(5), unit="kg") == weight(5, "kg")
    with pytest.raises(dataclasses.FrozenInstanceError):
        weight(5).grams = 6


def test_other_defaults_and_types_are_no_mix_up_for_they_are_not_in_the_code(source):
    generated = Generated(source)
    with generated:
        one = dataclasses.make_dataclass("One", [("x", int, 1)])
        two = dataclasses.make_dataclass("Two", [("x", str, "2")])
    assert (one().x, two().x) == (1, "2")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, MAGIC_NUMBER + b"\0\0\0\0", MAGIC_NUMBER + b"\1\2\3\4{", b"text"]
)
def test_a_damaged_file_is_no_file(source, content):
    kept(source).write_bytes(content)
    weight, compiled = made(source)
    assert compiled > 0
    assert weight(1).grams == 1
    assert made(source)[1] == 0


def test_one_byte_that_differs_makes_it_a_damaged_file(source):
    made(source)
    content = bytearray(kept(source).read_bytes())
    content[len(content) // 2] ^= 1
    kept(source).write_bytes(content)
    assert made(source)[1] > 0


def test_where_bytecode_is_not_written_this_is_not_either(source, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made(source)
    assert not kept(source).exists()


def test_a_folder_that_cannot_be_written_to_costs_time_only(source):
    kept(source).parent.rmdir()
    assert made(source)[0](3).grams == 3
    assert made(source)[1] > 0


def test_what_older_versions_have_left_does_not_grow_for_ever(source, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 0)
    made(source)
    assert Generated(source)._code == {}


def test_afterwards_dataclasses_is_as_it_was(source):
    with Generated(source):
        assert "exec" in vars(dataclasses)
    assert "exec" not in vars(dataclasses)
    assert [file.name for file in kept(source).parent.iterdir()] == []
