"""Binds ``guard:`` and ``when:`` of a transition to one test."""

from __future__ import annotations

from typing import NamedTuple

from engine.bindings.registry import Payload
from engine.chart.binder import Binder, Place, shown
from engine.chart.model import BoundGuard, Evaluate, Values
from engine.documents.quantities import found as found_word
from engine.documents.tree import Map, Seq, Value


def bind_guard(binder: Binder, raw: Map, fields: Payload | None) -> BoundGuard | None:
    """Compile ``guard:`` and ``when:`` of a transition together; None when it has neither."""
    if "when" not in raw and "guard" not in raw:
        return None
    texts: list[str] = []
    terms: list[_Term | None] = []
    with binder.noting() as notes:
        if "when" in raw:
            texts.append(str(raw["when"]))
            terms.append(_condition(binder, raw["when"], Place(raw.marks["when"]), fields))
        if "guard" in raw:
            texts.append(shown(raw["guard"]))
            terms.append(_guard_term(binder, raw["guard"], Place(raw.marks["guard"]), fields))
    position = raw.at("when" if "when" in raw else "guard")
    tests = [term.test for term in terms if term is not None]
    known = [None if term is None else term.constant for term in terms]
    constant = False if False in known else True if all(known) else None
    test = tests[0] if len(tests) == 1 else _every(tests)
    return BoundGuard(" and ".join(texts), test, position, notes.footprint(), constant)


class _Term(NamedTuple):
    """A guard, or a part of one; ``constant`` is its answer where that is always the same."""

    test: Evaluate
    constant: bool | None = None


def _every(tests: list[Evaluate]) -> Evaluate:
    """All of them, in turn. Two, the usual case, without a loop: guards are tried on every event."""
    if len(tests) == 2:  # noqa: PLR2004 - as said
        first, second = tests
        return lambda d, s, e, m: bool(first(d, s, e, m)) and bool(second(d, s, e, m))
    return lambda d, s, e, m: all(test(d, s, e, m) for test in tests)


def _condition(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> _Term | None:
    """The expression of a ``when:``; it has to be true or false."""
    found = binder.expression(raw, place, fields)
    if found is None:
        return None
    if found.type.name not in {"flag", "any"}:
        binder.report("when-not-flag", place.position, found=found.type.name)
        return None
    return _Term(found.function, bool(found.function({}, {}, {}, None)) if found.is_constant else None)


def _guard_term(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> _Term | None:
    if isinstance(raw, str):
        return _named_guard(binder, raw, None, place, place, fields)
    if not isinstance(raw, Map) or len(raw) != 1:
        binder.report("wrong-type", place.position, expected="guard", found=found_word(raw))
        return None
    name, inner = next(iter(raw.items()))
    inner_place = Place(raw.marks[name])
    if name == "when":
        return _condition(binder, inner, inner_place, fields)
    if name == "not":
        term = _guard_term(binder, inner, inner_place, fields)
        return None if term is None else _negated(term)
    if name in {"all", "any"}:
        return _combined(binder, name, inner, inner_place, fields)
    return _named_guard(binder, name, inner, inner_place, inner_place, fields)


def _negated(term: _Term) -> _Term:
    test = term.test
    return _Term(lambda d, s, e, m: not test(d, s, e, m), None if term.constant is None else not term.constant)


def _combined(binder: Binder, how: str, raw: Value, place: Place, fields: Payload | None) -> _Term | None:
    if not isinstance(raw, Seq):
        binder.report("wrong-type", place.position, expected="guards", found=found_word(raw))
        return None
    terms = [_guard_term(binder, item, Place(raw.marks[i]), fields) for i, item in enumerate(raw)]
    tests = [term.test for term in terms if term is not None]
    if len(tests) != len(terms):
        return None
    if how == "all":
        return _Term(_every(tests))
    return _Term(lambda d, s, e, m: any(test(d, s, e, m) for test in tests))


def _named_guard(
    binder: Binder, name: str, raw: Value, name_place: Place, place: Place, fields: Payload | None
) -> _Term | None:
    spec = binder.registry.guards.get(name)
    if spec is None:
        where = name_place.key if raw is not None else name_place.position
        binder.report_unknown("unknown-guard", where, name, binder.registry.guards)
        return None
    build = binder.arguments(raw, spec.parameters, place, fields, f"guard {name}")
    if build is None:
        return None
    function = spec.function
    if not spec.parameters:
        return _Term(lambda _d, _s, _e, _m: function())

    renamed = [(written, _python_name(written)) for written in spec.parameters if written != _python_name(written)]

    def test(data: dict[str, object], settings: Values, event: Values, machine: object) -> bool:
        given = build(data, settings, event, machine)
        for written, python_name in renamed:
            given[python_name] = given.pop(written)
        return function(**given)

    return _Term(test)


def _python_name(name: str) -> str:
    return f"{name}_" if name in {"for", "in", "is", "not", "and", "or", "if", "with", "from", "as"} else name
