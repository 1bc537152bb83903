"""Drivers as people write them: every usual type hint gets what it names, and whatever comes back can be judged."""

from __future__ import annotations

import asyncio

import pytest
from sequence_kit import HEAD, problem, write_package

from engine.cli.main import main
from engine.sequence.bench import Bench
from engine.sequence.interfaces import ArgumentError, signature_of
from engine.sequence.limits import Limit, judge
from engine.sequence.package import load_package
from engine.sequence.records import Verdict, plain

HINTED = '''
from __future__ import annotations
import dataclasses, datetime, enum, functools, typing
from decimal import Decimal

class Mode(enum.Enum):
    VOLTAGE = "cv"
    CURRENT = "cc"

class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

@dataclasses.dataclass
class Ramp:
    to: float
    steps: int = 1

class Float64(float):
    """As numpy's: a float whose repr is none."""
    def __repr__(self) -> str:
        return f"np.float64({float(self)})"
    def tolist(self) -> float:
        return float(self)

class Float32:
    """As numpy's: no float, and one that knows how to become one."""
    def tolist(self) -> float:
        return 3.25

class Array:
    def tolist(self) -> list:
        return [1.5, 2.5]

def retried(function):
    """A decorator as they are often written: the coroutine is behind a plain function."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)
    return call

class Psu:
    def exact(self, value: Decimal | None = None) -> str:
        return repr(value)
    def kind(self, mode: Mode) -> str:
        return repr(mode)
    def level(self, level: Level) -> str:
        return repr(level)
    def letter(self, one: typing.Literal["a", "b"]) -> str:
        return one
    def range_(self, one: typing.Literal[1, 10]) -> str:
        return repr(one)
    def many(self, xs: list[float], pair: tuple[int, str] = (1, "a")) -> str:
        return repr((xs, pair))
    def table(self, rows: dict[str, int]) -> str:
        return repr(rows)
    def ramp(self, ramp: Ramp) -> str:
        return repr(ramp)
    def optional(self, name: str = None) -> str:
        return repr(name)
    @classmethod
    def of_class(cls, value: float) -> float:
        return value
    @staticmethod
    def of_none(value: float) -> float:
        return value
    @retried
    async def wrapped(self, value: float) -> float:
        return value
    @functools.lru_cache
    def cached(self, value: float) -> float:
        return value
    def float64(self) -> float:
        return Float64(3.25)
    def float32(self):
        return Float32()
    def array(self):
        return {"wave": Array()}
    def ramp_now(self):
        return Ramp(2.5)
    def mode_now(self):
        return Mode.CURRENT
    def sent(self):
        return [b"OK\\r\\n", b"\\x02\\xff"]
    def took(self):
        return datetime.timedelta(milliseconds=1500)
    def undecodable(self):
        return b"ab\\xff".decode("ascii", "surrogateescape")
    def by_place(self, value: float, /) -> float:
        return value
class PsuSim(Psu): ...
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return load_package(
        write_package(tmp_path_factory.mktemp("hints"), "- {name: a, wait: 1 ms}", driver=HINTED, cleanup="")
    )


def called(package, command, **arguments):
    async def scenario():
        bench = Bench(package.hardware, simulate=True)
        try:
            return await bench.call("psu", command, arguments)
        finally:
            await bench.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("command", "given", "found"),
    [
        ("exact", {"value": 1.5}, "Decimal('1.5')"),
        ("exact", {"value": None}, "None"),
        ("kind", {"mode": "cc"}, "<Mode.CURRENT: 'cc'>"),
        ("level", {"level": "HIGH"}, "<Level.HIGH: 2>"),
        ("letter", {"one": "b"}, "b"),
        ("range_", {"one": 10}, "10"),
        ("many", {"xs": [1, 2.5], "pair": [2, "b"]}, "([1.0, 2.5], (2, 'b'))"),
        ("table", {"rows": {"a": 1}}, "{'a': 1}"),
        ("ramp", {"ramp": {"to": 5}}, "Ramp(to=5.0, steps=1)"),
        ("optional", {"name": None}, "None"),
        ("of_class", {"value": 1}, 1.0),
        ("of_none", {"value": 1}, 1.0),
        ("wrapped", {"value": 1}, 1.0),
        ("cached", {"value": 1}, 1.0),
    ],
)
def test_an_argument_comes_as_its_hint_says(package, command, given, found):
    assert called(package, command, **given) == found


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        ("kind", {"mode": "cx"}, "one of cv, cc"),
        ("level", {"level": 2}, "one of LOW, HIGH"),
        ("letter", {"one": "c"}, "one of a, b"),
        ("range_", {"one": 5}, "one of 1, 10"),
        ("range_", {"one": True}, "one of 1, 10"),
        ("many", {"xs": ["a"]}, "list of number"),
        ("many", {"xs": [], "pair": [1]}, "list of 2"),
        ("table", {"rows": {"a": "b"}}, "map of int"),
        ("ramp", {"ramp": {"too": 5}}, "map of to, steps"),
        ("ramp", {"ramp": {}}, "map with 'to'"),
        ("of_none", {"value": None}, "number"),
    ],
)
def test_an_argument_that_its_hint_does_not_allow_is_refused_before_the_call(package, command, given, said):
    with pytest.raises(ArgumentError, match=f"takes {said}"):
        called(package, command, **given)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("call: psu.kind, with: {mode: cx}", "wrong-value"),
        ("call: psu.letter, with: {one: c}", "wrong-value"),
        ("call: psu.range_, with: {one: 5}", "argument-type"),
        ("call: psu.many, with: {xs: [a]}", "argument-type"),
        ("call: psu.ramp, with: {ramp: {too: 5}}", "argument-type"),
        ("call: psu.of_class, with: {value: null}", "argument-type"),
        ("call: psu.by_place, with: {value: 1}", "unnamed-argument"),
    ],
)
def test_what_is_written_out_is_refused_at_its_place(tmp_path, step, code):
    write_package(tmp_path, f"- {{name: one, {step}}}", driver=HINTED, cleanup="")
    found = problem(tmp_path)
    assert (found.code, found.position.line) == (code, 5)


@pytest.mark.parametrize("command", ["float64", "float32"])
def test_numbers_of_numpy_are_judged_as_numbers(package, command):
    measured = judge("v", called(package, command), "V", (Limit("range", [3.2, 3.3]),))
    assert (measured.value, measured.verdict) == (3.25, Verdict.PASS)


def test_what_a_driver_gives_is_kept_in_plain_types(package):
    assert called(package, "array") == {"wave": [1.5, 2.5]}
    assert called(package, "ramp_now") == {"to": 2.5, "steps": 1}
    assert called(package, "mode_now") == "cc"
    assert called(package, "sent") == ["OK\r\n", b"\x02\xff"]
    assert called(package, "took") == 1.5
    assert plain(called(package, "undecodable")).encode() == b"ab\\udcff"


@pytest.mark.parametrize("value", [None, float("nan"), "abc"])
def test_a_measurement_without_limits_is_no_pass_when_nothing_was_measured(value):
    assert judge("v", value, "V", ()).verdict is Verdict.INCONCLUSIVE
    assert judge("v", None, "", ()).verdict is Verdict.INCONCLUSIVE
    assert judge("v", 3.3, "V", ()).verdict is Verdict.PASS


def test_a_driver_that_builds_on_a_class_of_c_is_read_like_any_other(tmp_path, capsys):
    driver = "class Psu(dict):\n    def on(self) -> None: ...\nclass PsuSim(Psu): ...\n"
    package = write_package(tmp_path, "- {name: one, call: psu.on}", driver=driver, cleanup="", head=HEAD)
    assert main(["sequence", "run", str(package), "--simulate"]) == 0
    assert "PASS" in capsys.readouterr().out


@pytest.mark.parametrize(
    "hint", ['Annotated[float, "V"]', 'Annotated[float | None, 5, "V"]', 'Annotated[float, "V"] | None']
)
def test_a_hint_names_the_unit_of_what_a_command_takes_and_gives(hint):
    names: dict[str, object] = {}
    exec(f"from typing import Annotated\ndef on(voltage: {hint}, steps: int) -> Annotated[float, 'A']: ...", names)
    found = signature_of(names["on"])
    assert {one.name: (one.type.name, one.unit) for one in found.arguments.values()} == {
        "voltage": ("number", "V"), "steps": ("int", ""),
    }  # fmt: skip
    assert found.unit == "A"
