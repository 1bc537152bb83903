"""Binds ``guard:`` and ``when:`` of a transition to one test."""

from __future__ import annotations

from engine.bindings.registry import Payload
from engine.chart.binder import Binder, Place, shown
from engine.chart.model import BoundGuard, Evaluate, Values
from engine.documents.tree import Map, Seq, Value


def bind_guard(binder: Binder, raw: Map, fields: Payload | None) -> BoundGuard | None:
    """Compile ``guard:`` and ``when:`` of a transition together; None when it has neither."""
    parts: list[tuple[str, Evaluate | None]] = []
    if "when" in raw:
        found = binder.expression(raw["when"], Place(raw.marks["when"]), fields)
        parts.append((str(raw["when"]), found[0] if found else None))
    if "guard" in raw:
        parts.append((shown(raw["guard"]), _guard_term(binder, raw["guard"], Place(raw.marks["guard"]), fields)))
    if not parts:
        return None
    tests = [test for _, test in parts if test is not None]
    position = raw.at("when" if "when" in raw else "guard")
    text = " and ".join(text for text, _ in parts)
    if len(tests) == 1:
        return BoundGuard(text, tests[0], position)
    return BoundGuard(text, lambda d, s, e, m: all(test(d, s, e, m) for test in tests), position)


def _guard_term(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Evaluate | None:
    if isinstance(raw, str):
        return _named_guard(binder, raw, None, place, place, fields)
    if not isinstance(raw, Map) or len(raw) != 1:
        binder.report("wrong-type", place.position, expected="the name of a guard", found=shown(raw))
        return None
    name, inner = next(iter(raw.items()))
    inner_place = Place(raw.marks[name])
    if name == "when":
        found = binder.expression(inner, inner_place, fields)
        return found[0] if found else None
    if name == "not":
        test = _guard_term(binder, inner, inner_place, fields)
        return None if test is None else (lambda d, s, e, m: not test(d, s, e, m))
    if name in {"all", "any"}:
        return _combined(binder, name, inner, inner_place, fields)
    return _named_guard(binder, name, inner, inner_place, inner_place, fields)


def _combined(binder: Binder, how: str, raw: Value, place: Place, fields: Payload | None) -> Evaluate | None:
    if not isinstance(raw, Seq):
        binder.report("wrong-type", place.position, expected="a list of guards", found=shown(raw))
        return None
    compiled = [_guard_term(binder, item, Place(raw.marks[i]), fields) for i, item in enumerate(raw)]
    tests = [test for test in compiled if test is not None]
    if len(tests) != len(compiled):
        return None
    combine = all if how == "all" else any
    return lambda d, s, e, m: combine(test(d, s, e, m) for test in tests)


def _named_guard(
    binder: Binder, name: str, raw: Value, name_place: Place, place: Place, fields: Payload | None
) -> Evaluate | None:
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
        return lambda _d, _s, _e, _m: function()

    def test(data: dict[str, object], settings: Values, event: Values, machine: object) -> bool:
        given = build(data, settings, event, machine)
        return function(**{_python_name(key): value for key, value in given.items()})

    return test


def _python_name(name: str) -> str:
    return f"{name}_" if name in {"for", "in", "is", "not", "and", "or", "if", "with", "from", "as"} else name
