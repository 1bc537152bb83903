"""Cuts out of a document what its schema refuses, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from engine.chart.load import chart_schema
from engine.chart.model import ROOT
from engine.documents.schema import check
from engine.documents.tree import Document, Map, Seq, Value, key_position, value_position
from engine.errors import Diagnostic, Position

# Codes that only tell that something is not there: perhaps it was cut out.
_ABSENCES: Final = frozenset(
    {
        *("unknown-name", "unknown-data", "unknown-target", "unknown-event", "unknown-setting", "unknown-argument"),
        *("missing-argument", "missing-outcome", "missing-initial", "missing-history-default", "missing-key"),
        *("wrong-state-type", "finally-never-ends"),
    }
)
# What may be absent only because one of these keys was cut out, whatever its own name is.
_CUT_WITH: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "missing-argument": frozenset({"with"}),
        "missing-outcome": frozenset({"on"}),
        "missing-initial": frozenset({"type"}),
        "missing-history-default": frozenset({"type"}),
        "wrong-state-type": frozenset({"type", "states"}),
    }
)


_ROUNDS: Final = 4  # what is left of a value may be too little: then it is cut out as well


class Pruned(NamedTuple):
    """What is left of a document, None when that is nothing to go on with, and every name that was cut out."""

    document: Document | None
    names: frozenset[str]


def prune(document: Document, problems: Iterable[Diagnostic]) -> Pruned:
    """The document without the values that ``problems`` are about; the document itself is not changed."""
    sound = replace(document, problems=())
    names: set[str] = set()
    for _ in range(_ROUNDS):
        cutter = _Cutter({p.position for p in problems if not _is_missing_at_top(p, document)})
        sound = replace(sound, data=cutter.copied(sound.data))
        names |= cutter.names
        problems = [p for p in check(sound, chart_schema()) if not _is_missing_at_top(p, document)]
        if not problems:
            return Pruned(sound, frozenset(names))
    return Pruned(None, frozenset(names))


def _is_missing_at_top(problem: Diagnostic, document: Document) -> bool:
    """Whether a key of the whole chart is missing, which keeps nobody from checking the rest."""
    return problem.code == "missing-key" and problem.position == document.position()


def follows_from(problem: Diagnostic, names: Collection[str]) -> bool:
    """Whether a finding may only be there because something was cut out."""
    name = str(problem.params.get("name", problem.params.get("key", "")))
    if problem.code == "missing-initial" and name == ROOT:
        return True
    if problem.code not in _ABSENCES or not names:
        return False
    if problem.code == "finally-never-ends":
        return True
    return bool({name, name.rpartition(".")[2], *_CUT_WITH.get(problem.code, ())} & {*names})


class _Cutter:
    def __init__(self, places: Collection[Position]) -> None:
        self.places = places
        self.names: set[str] = set()

    def copied(self, value: Value) -> Value:
        """A copy without what is cut out."""
        if isinstance(value, Map):
            return self._map(value)
        if isinstance(value, Seq):
            return self._seq(value)
        return value

    def _map(self, old: Map) -> Map:
        new = Map(old.start)
        for key, value in old.items():
            mark = old.marks[key]
            if value_position(mark) in self.places or key_position(mark) in self.places:
                self._note(key, value)
            else:
                new[key] = self.copied(value)
                new.marks[key] = mark
        return new

    def _seq(self, old: Seq) -> Seq:
        new = Seq(old.start)
        for index, value in enumerate(old):
            if value_position(old.marks[index]) in self.places:
                self._note("", value)
            else:
                new.append(self.copied(value))
                new.marks.append(old.marks[index])
        return new

    def _note(self, key: str, value: Value) -> None:
        """Remember the names that go with a value: declarations, states, outcomes, arguments."""
        self.names.add(key)
        if isinstance(value, Map):
            for name, inner in value.items():
                self._note(name, inner)
        elif isinstance(value, Seq):
            for item in value:
                self._note(str(item) if isinstance(item, str) else "", item)
