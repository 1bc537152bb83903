"""What a crash leaves to be done: the chart of a sequence, begun where nothing but a cleanup can follow.

A list of steps has one ``finally``, always owed. A full chart may have several: of states inside others, or one
after the other. Each is owed when the records tell that its state was entered, and do not tell that it was left again;
a single outermost one always. They are done one by one, the innermost first, as they would have been had the process
lived; what their states do by themselves on entry is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.documents.tree import Document, Map, Mark, Value

INTERRUPTED: Final = "run/interrupted"

# What a state does by itself: none of it is begun a second time.
_ACTIVE: Final = frozenset({"type", "entry", "exit", "on", "always", "after", "invoke", "done", "persist"})


@dataclass(frozen=True, slots=True)
class _Owner:
    """A state with a ``finally``: the way to it, and what the records of its services are called."""

    way: tuple[str, ...]
    inside: frozenset[str]  # in its states, those of its cleanup excepted
    cleanup: frozenset[str]
    is_beside_others: bool  # in a parallel: what is recorded elsewhere tells nothing of it

    def is_owed(self, names: Sequence[str]) -> bool:
        """Whether its cleanup may not have been done to the end. ``names``: of the records, in their order."""
        if any("${" in name for name in self.inside):
            return True  # nobody can tell its records
        last = max((place for place, name in enumerate(names) if name in self.inside | self.cleanup), default=None)
        if last is None:
            return False
        was_left = names[last] in self.cleanup and last < len(names) - 1
        return self.is_beside_others or not was_left


def recovery_documents(chart: Document, names: Sequence[str]) -> list[Document]:
    """The same chart for each cleanup that is owed; one that does nothing where there is none.

    ``names`` are those of the steps' records so far, in their order.
    """
    owners = list(_owners(chart.root.section("states"), (), is_beside_others=False))
    depth = min((len(one.way) for one in owners), default=0)
    outermost = [one for one in owners if len(one.way) == depth]
    owed = [one for one in owners if one.is_owed(names) or outermost == [one]]
    return [_document(chart, one.way) for one in owed or outermost] or [_document(chart, ())]


def _owners(states: Map, above: tuple[str, ...], *, is_beside_others: bool) -> Iterator[_Owner]:
    """Every state with a ``finally``, those inside before those around them."""
    for name, body in states.items():
        if not isinstance(body, Map):
            continue
        way, inner = (*above, name), body.section("states")
        is_beside = is_beside_others or body.get("type") == "parallel"
        yield from _owners(inner, way, is_beside_others=is_beside)
        cleaning = body.text("finally")
        if cleaning is not None:
            cleanup = frozenset(_names(cleaning, inner.section(cleaning)))
            inside = frozenset(_names(name, body)) - cleanup
            yield _Owner(way, inside, cleanup, is_beside_others)


def _names(state: str, body: Map) -> Iterator[str]:
    """What the records of the services in a state are called."""
    written = body.get("invoke")
    for invoke in written if isinstance(written, list) else [written]:
        if isinstance(invoke, Map):
            yield invoke.section("with").text("step") or state
    for name, inner in body.section("states").items():
        if isinstance(inner, Map):
            yield from _names(name, inner)


def _document(chart: Document, way: tuple[str, ...]) -> Document:
    changed = _interrupted(chart.root, way)
    return Document(chart.name, chart.text, changed, chart.start, chart.problems)


def _interrupted(body: Map, way: tuple[str, ...]) -> Map:
    """Lead into the state at the end of ``way``, and in there to one that waits for the end."""
    result, mark = copy_of(body), body.start
    for key in _ACTIVE & result.keys():
        del result[key]
    states = copy_of(body.section("states"))
    if way:
        result.pop("finally", None)  # of what is around: done by itself
        put(result, "initial", way[0], mark)
        inner = states[way[0]]
        assert isinstance(inner, Map)
        put(states, way[0], _interrupted(inner, way[1:]), states.marks[way[0]])
    else:
        put(result, "initial", INTERRUPTED, mark)
        put(states, INTERRUPTED, Map(mark), mark)
    put(result, "states", states, mark)
    return result


def copy_of(old: Map) -> Map:
    """A mapping with the same content, to be changed."""
    new = Map(old.start)
    new.update(old)
    new.marks = dict(old.marks)
    return new


def put(target: Map, key: str, value: Value, mark: Mark) -> None:
    """Set a value and its place."""
    target[key] = value
    target.marks[key] = mark
