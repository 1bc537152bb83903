"""What the expression language knows of types: what goes together, what comes out, and how a misfit is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from engine.bindings.types import ANY, DURATION, INT, LIST, MASS, NUMBER, SECRET, TEXT, TIME, ValueType
from engine.errors import EngineError

NOTHING: Final = ValueType("nothing")  # the type of the literal None; never leaves the expression language

_KINDS: Final = {"int": "number", "uuid": "text", "choice": "text", "secret": "text"}

# operator -> (left, right) -> result, in kinds. A bare number never adds to a mass or a duration.
_RULES: Final[Mapping[str, Mapping[tuple[str, str], ValueType]]] = {
    "+": {
        ("number", "number"): NUMBER,
        ("duration", "duration"): DURATION,
        ("mass", "mass"): MASS,
        ("text", "text"): TEXT,
        ("list", "list"): LIST,
        ("time", "duration"): TIME,
        ("duration", "time"): TIME,
    },
    "-": {
        ("number", "number"): NUMBER,
        ("duration", "duration"): DURATION,
        ("mass", "mass"): MASS,
        ("time", "time"): DURATION,
        ("time", "duration"): TIME,
    },
    "*": {
        ("number", "number"): NUMBER,
        ("duration", "number"): DURATION,
        ("number", "duration"): DURATION,
        ("mass", "number"): MASS,
        ("number", "mass"): MASS,
    },
    "/": {
        ("number", "number"): NUMBER,
        ("duration", "number"): DURATION,
        ("duration", "duration"): NUMBER,
        ("mass", "number"): MASS,
        ("mass", "mass"): NUMBER,
    },
    "//": {("number", "number"): NUMBER, ("duration", "duration"): NUMBER},
    "%": {("number", "number"): NUMBER, ("duration", "duration"): DURATION},
}
ORDERED: Final = ("number", "mass", "duration", "time", "text")
_UNORDERED_TEXTS: Final = frozenset({"uuid", "choice", "secret"})  # alphabetical order of these is never meant
SIGNED: Final = ("number", "duration", "mass")  # what has a sign: unary + and -, abs()


class ExpressionError(EngineError):
    """An expression cannot be used: ``code`` and ``params`` for the catalogue, ``offset`` from 0 into the text.

    ``others`` are what else is wrong with it, where its parts could be judged each by itself.
    """

    def __init__(
        self,
        code: str,
        offset: int,
        params: Mapping[str, object] | None = None,
        others: Sequence[ExpressionError] = (),
    ) -> None:
        self.code = code
        self.offset = offset
        self.params: Mapping[str, object] = params or {}
        self.others = tuple(others)
        super().__init__(f"{code} at {offset}: {dict(self.params)}")

    def all(self) -> Iterator[ExpressionError]:
        """This one and the others."""
        yield self
        for other in self.others:
            yield from other.all()

    def moved(self, by: int) -> ExpressionError:
        """The same in a longer text, in which this one's begins at ``by``."""
        return ExpressionError(self.code, self.offset + by, self.params, [other.moved(by) for other in self.others])


def raise_together(errors: Sequence[ExpressionError]) -> None:
    """Raise what is wrong with the parts of an expression as one; nothing when nothing is."""
    if errors:
        first, *others = errors
        raise ExpressionError(first.code, first.offset, first.params, [*first.others, *others]) from first


@dataclass(frozen=True)
class Scope:
    """What an expression may name. ``event`` None means any field of any event (entry and exit actions)."""

    settings: Mapping[str, ValueType] = field(default_factory=dict)
    data: Mapping[str, ValueType] = field(default_factory=dict)
    event: Mapping[str, ValueType] | None = None
    states: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Misfit:
    """Which of two operands is wrong, and what would have been right there."""

    side: Literal["left", "right"]
    expected: str


def kind(type_: ValueType) -> str:
    """The family of a type: int and number are numbers; uuid, choice and secret are texts."""
    return _KINDS.get(type_.name, type_.name)


def arithmetic(operator: str, left: ValueType, right: ValueType) -> ValueType | Misfit:
    """The type of ``left operator right``, or what is wrong with it."""
    rules = _RULES[operator]
    kinds = kind(left), kind(right)
    result = rules.get(kinds)
    if result is not None:
        return _narrowed(result, operator, left, right)
    if "any" in kinds:
        return _with_any(rules, *kinds)
    if operator in "+-":
        bare = _bare_number(*kinds)
        if bare is not None:
            return bare
    fitting = _listed(other for first, other in rules if first == kinds[0])
    if fitting:
        return Misfit("right", fitting)
    return Misfit("left", _listed(first for first, other in rules if other == kinds[1]) or _listed(f for f, _ in rules))


def comparison(operator: str, left: ValueType, right: ValueType) -> Misfit | None:
    """What is wrong with ``left operator right`` for ``== != < <= > >=``, or None."""
    kinds = kind(left), kind(right)
    if operator in ("==", "!="):
        if kinds[0] == kinds[1] or "any" in kinds or "nothing" in kinds:
            return None
        return _bare_number(*kinds) or Misfit("right", str(left))
    for side, type_, other in (("left", left, right), ("right", right, left)):
        if kind(type_) != "any" and (kind(type_) not in ORDERED or type_.name in _UNORDERED_TEXTS):
            expected = str(other) if type_ == NOTHING and kind(other) in ORDERED else ", ".join(ORDERED)
            return Misfit("left" if side == "left" else "right", expected)
    if kinds[0] == kinds[1] or "any" in kinds:
        return None
    return _bare_number(*kinds) or Misfit("right", str(left))


def membership(item: ValueType, container: ValueType) -> Misfit | None:
    """What is wrong with ``item in container``, or None."""
    where = kind(container)
    if where in ("list", "any"):
        return None
    if where not in ("text", "map"):
        return Misfit("right", "list, map, text")
    return None if kind(item) in ("text", "any") else Misfit("left", "text")


def joined(left: ValueType, right: ValueType) -> ValueType:
    """The type of a value that is one or the other (``a if c else b``, ``a or b``)."""
    if right in (left, NOTHING):
        return left
    if left == NOTHING:
        return right
    if SECRET in (left, right) and kind(left) == kind(right):
        return SECRET
    if left.name == right.name and left.name != "choice":
        return ValueType(left.name)
    return {"number": NUMBER, "text": TEXT}.get(kind(left), ANY) if kind(left) == kind(right) else ANY


def _narrowed(result: ValueType, operator: str, left: ValueType, right: ValueType) -> ValueType:
    if result == NUMBER and left == right == INT and operator != "/":
        return INT
    if result == TEXT and SECRET in (left, right):
        return SECRET
    return result


def _with_any(rules: Mapping[tuple[str, str], ValueType], left: str, right: str) -> ValueType | Misfit:
    if right != "any" and right not in {other for _, other in rules}:
        return Misfit("right", _listed(other for _, other in rules))
    if left != "any" and left not in {first for first, _ in rules}:
        return Misfit("left", _listed(first for first, _ in rules))
    return ANY


def _bare_number(left: str, right: str) -> Misfit | None:
    """The number is the one to blame where a unit was forgotten."""
    if left == "number" and right in ("mass", "duration"):
        return Misfit("left", right)
    if right == "number" and left in ("mass", "duration"):
        return Misfit("right", left)
    return None


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(kinds))
