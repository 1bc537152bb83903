"""Random charts and events, small enough to understand and wild enough to find what nobody thought of."""

from __future__ import annotations

import random
from typing import Any, Final

from chart_spec import HISTORY, ROOT, Act, Arc, Guard, Node, Spec
from hypothesis import strategies as st

EVENTS: Final = ("a", "b", "x.a", "x.b")
_DESCRIPTORS: Final = (*EVENTS, *EVENTS, "x.*", "*")
_MOST_STATES: Final = 14
_DEEPEST: Final = 3


class _Maker:
    """Makes one chart of a string of bytes, one byte a choice; where they end, the plainest choice is taken."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)
        self._states = 0
        self._notes = 0

    def spec(self) -> Spec:
        root = Node(ROOT, "compound")
        root.children = [self._node(1) for _ in range(self._number(1, 3))]
        if self._chance(3):
            root.children.append(self._leaf("final"))
        whole = Spec(root)
        self._nodes_by_id = whole.nodes
        self._nodes = list(whole.nodes.values())
        root.initial = Arc(None, (self._some([c for c in root.children if c.kind != "final"]).id,))
        for node in self._nodes:
            self._fill(node)
        return Spec(root)

    # Choices -------------------------------------------------------------------------------------------------------

    def _number(self, low: int, high: int) -> int:
        return low + next(self._choices, 0) % (high - low + 1)

    def _chance(self, one_in: int) -> bool:
        # Shrinks to no.
        return self._number(0, one_in - 1) == one_in - 1

    def _some(self, items: Any) -> Any:
        return items[self._number(0, len(items) - 1)]

    # The tree ------------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        self._states += 1
        return f"s{self._states}"

    def _leaf(self, kind: str = "atomic") -> Node:
        return Node(self._name(), kind)

    def _node(self, depth: int) -> Node:
        kind = "atomic" if depth > _DEEPEST or self._states >= _MOST_STATES else self._some(_KINDS)
        node = self._leaf(kind)
        if kind == "compound":
            node.children = [self._node(depth + 1) for _ in range(self._number(1, 3))]
            if self._chance(3):
                node.children.append(self._leaf("final"))
        elif kind == "parallel":
            node.children = [self._node(depth + 1) for _ in range(self._number(2, 3))]
        if kind in {"compound", "parallel"} and self._chance(3):
            node.children.insert(self._number(0, len(node.children)), self._leaf(self._some(HISTORY)))
        return node

    # What is in a state --------------------------------------------------------------------------------------------

    def _fill(self, node: Node) -> None:
        if node.kind in HISTORY:
            assert node.parent is not None
            node.initial = Arc(None, self._inside(node.parent), actions=self._acts("default", 4), source=node.id)
            return
        if node.id != ROOT:
            node.entry = (Act("note", f"+{node.id}"), *self._acts("entry", 6))
            node.exit = (Act("note", f"-{node.id}"), *self._acts("exit", 8))
        if node.kind == "compound" and node.id != ROOT:
            plain = not self._chance(3)
            children = [c for c in node.children if c.kind not in HISTORY]
            targets = (self._some(children).id,) if plain else self._inside(node)
            node.initial = Arc(None, targets, actions=self._acts("initial", 4), source=node.id)
        if node.kind != "final" and node.id != ROOT:
            node.arcs = [self._arc(node) for _ in range(self._number(0, 3))]
            if self._chance(5):
                node.arcs.append(self._eventless(node))
            if node.children and self._chance(3):
                node.arcs.append(self._arc(node, f"done.state.{node.id}"))
            _group(node)

    def _acts(self, where: str, rarely: int) -> tuple[Act, ...]:
        found = []
        if self._chance(rarely):
            found.append(self._act(where))
        return tuple(found)

    def _act(self, where: str) -> Act:
        match self._number(0, 4):
            case 0 | 1:
                self._notes += 1
                return Act("count", f"{where}{self._notes}")
            case 2:
                return Act("in", self._some(self._real()).id)
            case 3:
                return Act("add", amount=self._number(1, 3))
            case _:
                return Act("raise", self._some(EVENTS))

    def _real(self) -> list[Node]:
        return [n for n in self._nodes if n.kind not in HISTORY and n.id != ROOT]

    def _arc(self, node: Node, event: str | None = None) -> Arc:
        chosen = event or self._some(_DESCRIPTORS)
        targets = self._targets()
        self._notes += 1
        actions = (Act("note", f"t{self._notes}"), *self._acts("t", 3))
        # The library refuses to build a class where an internal transition leads out of its state.
        internal = bool(targets) and self._nodes_by_id[targets[0]] in node.walk() and self._chance(2)
        guard = self._guard() if self._chance(3) else None
        return Arc(chosen, targets, guard, actions, internal=internal, source=node.id)

    def _eventless(self, node: Node) -> Arc:
        # Mostly such that it ends by itself.
        guard = self._guard() if self._chance(4) else Guard("below", amount=self._number(1, 12))
        self._notes += 1
        actions = (Act("note", f"e{self._notes}"), Act("add", amount=self._number(1, 3)), *self._acts("e", 3))
        return Arc(None, self._targets(), guard, actions, source=node.id)

    def _guard(self) -> Guard:
        match self._number(0, 2):
            case 0:
                return Guard("below", amount=self._number(1, 12))
            case 1:
                amount = self._number(2, 3)
                return Guard("mod", amount=amount, rest=self._number(0, amount - 1))
            case _:
                return Guard("in", state=self._some(self._real()).id)

    # Where transitions lead ----------------------------------------------------------------------------------------

    def _targets(self) -> tuple[str, ...]:
        how = self._number(0, 9)
        if how == 0:
            return ()
        parallels = [n for n in self._nodes if n.kind == "parallel"]
        if how <= 2 and parallels:
            return self._several(self._some(parallels))
        return (self._some([n for n in self._nodes if n.id != ROOT]).id,)

    def _several(self, parallel: Node) -> tuple[str, ...]:
        """One target in each of two or more regions of a parallel state; in any order."""
        regions = [c for c in parallel.children if c.kind not in HISTORY]
        if self._chance(2):
            regions.reverse()
        chosen = regions if len(regions) == 2 or self._chance(2) else regions[:2]
        return tuple(self._some(list(region.walk())).id for region in chosen)

    def _inside(self, node: Node) -> tuple[str, ...]:
        """Where a compound's initial transition, or a history default, may lead."""
        inner = [n for n in node.walk() if n is not node and n.kind not in HISTORY]
        parallels = [n for n in inner if n.kind == "parallel"]
        if parallels and self._chance(3):
            targets = self._several(self._some(parallels))
            if not any(n.kind in HISTORY for n in inner if n.id in targets):
                return targets
        return (self._some(inner).id,)


_KINDS: Final = ("atomic", "atomic", "atomic", "compound", "compound", "parallel")


def _group(node: Node) -> None:
    """Handlers of one event stand together, eventless ones last, as the YAML writes them."""
    order = list(dict.fromkeys(arc.event for arc in node.arcs if arc.event is not None))
    node.arcs.sort(key=lambda arc: len(order) if arc.event is None else order.index(arc.event))


# One draw for a whole chart: a draw for each choice makes Hypothesis ten times slower.
specs: Final = st.binary(min_size=300, max_size=300).map(lambda choices: _Maker(choices).spec())
event_lists: Final = st.lists(st.sampled_from(EVENTS), min_size=4, max_size=12)


def random_spec(chance: random.Random) -> Spec:
    """A chart of a seeded generator."""
    return _Maker(chance.randbytes(600)).spec()
