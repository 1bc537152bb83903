"""Sugar: ``retry`` on an invoke becomes ordinary states, timers and data that a chart could have written itself.

``S`` with ``invoke: {..., retry: ...}`` becomes a compound state with ``S/calling``, which invokes, and ``S/retrying``,
which waits; ``S/attempt`` and ``S/pause`` in the data count and honour a server's Retry-After. What else the state has
(entry, exit, on, after) stays on ``S`` and spans all attempts.
"""

from __future__ import annotations

from typing import Final

from engine.bindings.registry import Registry
from engine.documents.tree import Map, Mark, Seq, Value
from engine.errors import Diagnostic

_DEFAULT_OUTCOMES: Final = ("error", "timeout", "unreachable")
_INVOKE_KEYS: Final = ("service", "chart", "with", "timeout", "cancel")


def expand(root: Map, registry: Registry, problems: list[Diagnostic]) -> Map:
    """The chart with every ``retry`` written out. ``root`` itself is not changed."""
    states = root.get("states")
    if not isinstance(states, Map):
        return root
    added = Map(root.start)
    expanded = _states(states, registry, problems, added)
    if not added:
        return root
    result = _copy(root)
    result["states"] = expanded
    declared = root.get("data")
    data = _copy(declared) if isinstance(declared, Map) else Map(root.start)
    for name, declaration in added.items():
        _put(data, name, declaration, added.marks[name])
    _put(result, "data", data, root.marks.get("data", root.start))
    return result


def _states(states: Map, registry: Registry, problems: list[Diagnostic], added: Map) -> Map:
    result = _copy(states)
    for name, body in states.items():
        if not isinstance(body, Map):
            continue
        inner = body.get("states")
        if isinstance(inner, Map):
            replaced = _copy(body)
            replaced["states"] = _states(inner, registry, problems, added)
            result[name] = replaced
        invoke = body.get("invoke")
        if isinstance(invoke, Map) and isinstance(invoke.get("retry"), Map):
            if isinstance(inner, Map):
                problems.append(Diagnostic("retry-not-atomic", invoke.key_at("retry"), {"state": name}))
                continue
            result[name] = _with_retry(name, body, invoke, registry, added)
        elif isinstance(invoke, Seq) and any(isinstance(i, Map) and "retry" in i for i in invoke):
            problems.append(Diagnostic("retry-not-atomic", body.key_at("invoke"), {"state": name}))
    return result


def _with_retry(name: str, body: Map, invoke: Map, registry: Registry, added: Map) -> Map:
    retry = invoke["retry"]
    assert isinstance(retry, Map)
    mark = invoke.marks["retry"]
    calling, retrying, attempt, pause = (f"{name}/{part}" for part in ("calling", "retrying", "attempt", "pause"))
    _put(added, attempt, _map(mark, type="int", default=0), mark)
    _put(added, pause, _map(mark, type="duration", default="0 s"), mark)

    state = Map(body.start)
    for key, value in body.items():
        if key not in {"invoke", "entry"}:
            _put(state, key, value, body.marks[key])
    reset: dict[str, Value] = {attempt: 0, pause: "0 s"}
    entry = _seq(mark, _map(mark, assign=_map(mark, **reset)))
    own = body.get("entry")
    if isinstance(own, Seq):
        for index, item in enumerate(own):
            entry.append(item)
            entry.marks.append(own.marks[index])
    _put(state, "entry", entry, body.marks.get("entry", mark))
    _put(state, "initial", calling, mark)

    waiting = _map(mark, after=_map(mark, **{_delay(retry, attempt, pause): calling}))
    inner = Map(mark)
    _put(inner, calling, _map(mark, invoke=_calling(invoke, retry, retrying, registry)), mark)
    _put(inner, retrying, waiting, mark)
    _put(state, "states", inner, mark)
    return state


def _calling(invoke: Map, retry: Map, retrying: str, registry: Registry) -> Map:
    mark = invoke.marks["retry"]
    name = retrying.rpartition("/")[0]
    service = registry.services.get(str(invoke.get("service")))
    outcomes = service.outcomes if service is not None else {}
    named = retry.get("when")
    chosen = [str(n) for n in named] if isinstance(named, Seq) else [n for n in _DEFAULT_OUTCOMES if n in outcomes]
    handlers = invoke.get("on")
    rewritten = _copy(handlers) if isinstance(handlers, Map) else Map(mark)
    for outcome in chosen:
        if outcome == "timeout" and "timeout" not in invoke:
            continue
        has_pause = "retry_after" in outcomes.get(outcome, {})
        assigned: dict[str, Value] = {f"{name}/attempt": f"${{data['{name}/attempt'] + 1}}"}
        # A server need not say when; then there is nothing.
        assigned[f"{name}/pause"] = (
            "${event.retry_after if event.retry_after != None else q('0 s')}" if has_pause else "0 s"
        )
        again = _map(mark, target=retrying, actions=_seq(mark, _map(mark, assign=_map(mark, **assigned))))
        if retry.get("times", "forever") != "forever":
            _put(again, "when", f"data['{name}/attempt'] < {retry['times']}", retry.marks["times"])
        tried = _seq(mark, again)
        original = rewritten.get(outcome)
        if "when" in again and original is not None:
            at = rewritten.marks[outcome]
            for index, item in enumerate(original if isinstance(original, Seq) else [original]):
                tried.append(item)
                tried.marks.append(original.marks[index] if isinstance(original, Seq) else at)
        _put(rewritten, outcome, tried, rewritten.marks.get(outcome, mark))
    result = Map(invoke.start)
    for key in _INVOKE_KEYS:
        if key in invoke:
            _put(result, key, invoke[key], invoke.marks[key])
    _put(result, "on", rewritten, invoke.marks.get("on", mark))
    return result


def _delay(retry: Map, attempt: str, pause: str) -> str:
    first, most = retry.get("first", "1 s"), retry.get("max", "5 min")
    factor, jitter = retry.get("factor", 2), retry.get("jitter", "full")
    # The first wait is after attempt 1, whose exponent is 0.
    wait = f"backoff(data['{attempt}'] - 1, {_duration(first)}, {_duration(most)}, {factor}, '{jitter}')"
    return f"${{max(data['{pause}'], {wait})}}"


def _duration(written: Value) -> str:
    text = str(written).strip()
    return text[2:-1] if text.startswith("${") and text.endswith("}") else f"q('{text}')"


def _copy(old: Map) -> Map:
    new = Map(old.start)
    new.update(old)
    new.marks = dict(old.marks)
    return new


def _put(target: Map, key: str, value: Value, mark: Mark) -> None:
    target[key] = value
    target.marks[key] = mark


def _map(mark: Mark, **values: Value) -> Map:
    result = Map(mark)
    for key, value in values.items():
        _put(result, key, value, mark)
    return result


def _seq(mark: Mark, *items: Value) -> Seq:
    result = Seq(mark)
    result.extend(items)
    result.marks = [mark] * len(items)
    return result
