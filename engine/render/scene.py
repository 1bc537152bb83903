"""What a picture shows: the chart's states and reactions as short and as whole texts, with their places.

A scene knows nothing of geometry or colours. It is made from a chart (:mod:`engine.render.build`), marked
(:mod:`engine.render.marks`, :mod:`engine.render.diff`) and then handed to one of the emitters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from engine.chart.model import ROOT, StateKind, TransitionKind
from engine.errors import Position


class Change(Enum):
    """What a site did to something, compared with another chart."""

    NONE = ""
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Titles(Enum):
    """Which of its two names a state is drawn with."""

    KO = "ko"  # the title, in the chart's own language
    EN = "en"  # the id that the YAML uses
    BOTH = "both"


class FactKind(Enum):
    """What a state says of itself, beside its reactions."""

    ENTRY = "entry"
    INITIAL = "initial"  # done on the way to the initial state
    HISTORY = "history"  # done on the way to the default of one of its history states, which have no box to say it in
    EXIT = "exit"
    INVOKE = "invoke"


@dataclass(slots=True)
class Fact:
    """One line in a state's box: an action of its entry, its exit or its way in, or an invoked service."""

    kind: FactKind
    short: str
    full: str
    position: Position
    change: Change = Change.NONE
    was: str = ""


@dataclass(slots=True)
class Reaction:
    """One transition, or several alike that are drawn as one. Without ``targets`` it stays where it is."""

    source: str
    targets: tuple[str, ...]
    kind: TransitionKind
    head: str  # the event, ``after 30 s``, an outcome
    note: str  # beside the head: which setting the time is
    guard: str
    actions: tuple[str, ...]
    full: str
    event: str | None
    id: str | None
    positions: tuple[Position, ...]
    is_failure: bool = False  # one of the outcomes that every service has: error, timeout
    count: int | None = None  # how often a trace took it
    change: Change = Change.NONE
    was: str = ""

    @property
    def is_drawn_inside(self) -> bool:
        """Whether it stands in its state's box instead of being an edge: it stays, or comes back at once."""
        return not self.targets or self.targets == (self.source,)

    @property
    def comes_back(self) -> bool:
        """Whether it leaves its state and enters it again."""
        return self.targets == (self.source,)


@dataclass(slots=True)
class Box:
    """One state."""

    id: str
    kind: StateKind
    title: str
    position: Position
    parent: str | None
    children: list[str] = field(default_factory=list)
    initial: tuple[str, ...] = ()  # of a compound state, or the default of a history state
    finally_: str | None = None
    facts: list[Fact] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    marks: tuple[str, ...] = ()  # tags, persist, finally
    is_active: bool = False
    change: Change = Change.NONE
    was: str = ""

    @property
    def name(self) -> str:
        """The id; of a state that a retry was expanded to, its last part."""
        return self.id.rpartition("/")[2]

    @property
    def inside(self) -> list[Reaction]:
        """The reactions that stand in the box, those alike as one."""
        return merged([reaction for reaction in self.reactions if reaction.is_drawn_inside])


@dataclass(frozen=True, slots=True)
class Link:
    """All reactions that lead from one state to the same targets: one edge."""

    source: str
    targets: tuple[str, ...]
    reactions: tuple[Reaction, ...]

    @property
    def change(self) -> Change:
        """What became of the edge as a whole: NONE where its reactions differ in that."""
        changes = {reaction.change for reaction in self.reactions}
        return changes.pop() if len(changes) == 1 else Change.NONE

    @property
    def count(self) -> int | None:
        """How often it was taken, or None without a trace."""
        counts = [reaction.count for reaction in self.reactions if reaction.count is not None]
        return sum(counts) if counts else None


@dataclass(slots=True)
class Scene:
    """A whole picture."""

    name: str
    title: str
    version: str
    file: str
    boxes: dict[str, Box]  # the root first, then document order
    settings: dict[str, tuple[str, str]]  # name -> value and help
    titles: Titles = Titles.BOTH
    notes: list[str] = field(default_factory=list)  # said below the title: what was compared or counted

    @property
    def root(self) -> Box:
        """The chart itself."""
        return self.boxes[ROOT]

    @property
    def is_diff(self) -> bool:
        """Whether something is marked as changed."""
        return any(change is not Change.NONE for change in self.changes())

    @property
    def is_traced(self) -> bool:
        """Whether transitions carry counts."""
        return any(r.count is not None for box in self.boxes.values() for r in box.reactions)

    def links(self) -> list[Link]:
        """The edges, in document order."""
        grouped: dict[tuple[str, tuple[str, ...]], list[Reaction]] = {}
        for box in self.boxes.values():
            for reaction in box.reactions:
                if not reaction.is_drawn_inside:
                    grouped.setdefault((reaction.source, reaction.targets), []).append(reaction)
        return [Link(source, targets, tuple(merged(found))) for (source, targets), found in grouped.items()]

    def ancestors(self, state: str) -> list[str]:
        """Parent, grandparent ... up to the root."""
        found: list[str] = []
        parent = self.boxes[state].parent
        while parent is not None:
            found.append(parent)
            parent = self.boxes[parent].parent
        return found

    def home(self, link: Link) -> str:
        """The innermost state that contains an edge's ends; a compound state contains edges to its own descendants."""
        around = [self._around(link.source, link.targets), *(self.ancestors(target) for target in link.targets)]
        return next(state for state in around[0] if all(state in others for others in around[1:]))

    def _around(self, source: str, targets: tuple[str, ...]) -> list[str]:
        above = self.ancestors(source)
        inward = all(source in self.ancestors(target) for target in targets)
        return [source, *above] if inward else above

    def names(self, box: Box) -> tuple[str, str]:
        """The large and the small name of a state; the small one may be empty."""
        if self.titles is Titles.EN or not box.title or box.title == box.name:
            return box.name, ""
        return box.title, box.name if self.titles is Titles.BOTH else ""

    def changes(self) -> Iterator[Change]:
        """What became of each state, fact and reaction."""
        for box in self.boxes.values():
            yield box.change
            yield from (fact.change for fact in box.facts)
            yield from (reaction.change for reaction in box.reactions)


def merged(reactions: list[Reaction]) -> list[Reaction]:
    """Neighbours that do the same under different events, as one: ``error, timeout 10 s``."""
    found: list[Reaction] = []
    for reaction in reactions:
        if found and _what(found[-1]) == _what(reaction):
            found[-1] = _joined(found[-1], reaction)
        else:
            found.append(reaction)
    return found


def _what(reaction: Reaction) -> object:
    return (
        reaction.targets, reaction.kind, reaction.guard, reaction.actions, reaction.change, reaction.is_failure,
        reaction.note,
    )  # fmt: skip


def _joined(first: Reaction, second: Reaction) -> Reaction:
    counts = [count for count in (first.count, second.count) if count is not None]
    return replace(
        first,
        head=f"{first.head}, {second.head}",
        full=f"{first.full}\n{second.full}",
        positions=tuple(dict.fromkeys([*first.positions, *second.positions])),
        count=sum(counts) if counts else None,
        was="\n".join(filter(None, (first.was, second.was))),
    )
