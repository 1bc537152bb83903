"""A chart as plain data, for tests that run the same chart on several interpreters.

Its actions note what happened and count, its guards look at the count or at the configuration: enough to tell from the
notes alone which actions ran, in which order, and what they saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.documents.source import load_yaml
from engine.documents.tree import Map

ROOT = "<root>"
HISTORY = ("shallow", "deep")


@dataclass(frozen=True)
class Act:
    """One action: ``note`` a text, ``count`` (a text and the count), ``in`` (whether a state is active), ``add`` to the
    count, or ``raise`` an event. Also ``yaml``, an action that only the engine understands.
    """

    kind: str
    text: str = ""
    amount: int = 0


@dataclass(frozen=True)
class Guard:
    """A claim: the count is below ``amount``, ``count % amount == rest``, or a state is active."""

    kind: str  # below | mod | in
    amount: int = 0
    rest: int = 0
    state: str = ""


@dataclass(eq=False)
class Arc:
    """A transition. ``event`` None: eventless; no targets: targetless."""

    event: str | None
    targets: tuple[str, ...] = ()
    guard: Guard | None = None
    actions: tuple[Act, ...] = ()
    internal: bool = False
    source: str = ""


@dataclass(eq=False)
class Node:
    """A state. ``initial`` is a compound's way in, or a history state's default."""

    id: str
    kind: str = "atomic"  # atomic | compound | parallel | final | shallow | deep
    children: list[Node] = field(default_factory=list)
    initial: Arc | None = None
    entry: tuple[Act, ...] = ()
    exit: tuple[Act, ...] = ()
    arcs: list[Arc] = field(default_factory=list)
    parent: Node | None = None
    order: int = 0
    more: tuple[str, ...] = ()  # YAML that only the engine understands: timers, services

    def walk(self) -> Iterator[Node]:
        """This state and everything inside it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(eq=False)
class Spec:
    """A whole chart. ``root`` stands for the chart itself."""

    root: Node
    data: tuple[str, ...] = ()  # YAML of more data variables, for what nodes have more
    nodes: dict[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {}
        for order, node in enumerate(self.root.walk()):
            node.order = order
            self.nodes[node.id] = node
            for child in node.children:
                child.parent = node
            for arc in node.arcs:
                arc.source = node.id


def as_yaml(spec: Spec) -> str:
    """The chart in the language of the engine."""
    events = sorted({a.event for n in spec.root.walk() for a in n.arcs if a.event and _is_declared(a.event)})
    raised = {act.text for n in spec.root.walk() for act in _acts(n) if act.kind == "raise"}
    lines = ["chart: sample", "events:"]
    lines += [f"  {event}: {{}}" for event in sorted({*events, *raised, "a", "b", "x.a", "x.b"})]
    lines += ["data:", "  n: {type: int, default: 0}", *(f"  {declared}" for declared in spec.data)]
    lines += _body(spec.root, 0)
    return "\n".join(lines) + "\n"


def _is_declared(event: str) -> bool:
    return "*" not in event and not event.startswith("done.")


def _acts(node: Node) -> list[Act]:
    arcs = [*node.arcs, *([node.initial] if node.initial else [])]
    return [*node.entry, *node.exit, *(act for arc in arcs for act in arc.actions)]


def _body(node: Node, depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    if node.kind in {"parallel", "final"}:
        lines.append(f"{pad}type: {node.kind}")
    if node.kind in HISTORY:
        lines += [f"{pad}type: history", f"{pad}history: {node.kind}"]
    if node.initial is not None:
        lines.append(f"{pad}{'default' if node.kind in HISTORY else 'initial'}: {_way_in(node.initial)}")
    lines += [f"{pad}{line}" for line in node.more]
    lines += [f"{pad}{key}: {_actions(acts)}" for key, acts in (("entry", node.entry), ("exit", node.exit)) if acts]
    handled: dict[str | None, list[Arc]] = {}
    for arc in node.arcs:
        handled.setdefault(arc.event, []).append(arc)
    if any(event is not None for event in handled):
        lines.append(f"{pad}on:")
    for event, arcs in handled.items():
        if event is not None:
            lines.append(f'{pad}  "{event}": [{", ".join(map(_arc, arcs))}]')
    if None in handled:
        lines.append(f"{pad}always: [{', '.join(map(_arc, handled[None]))}]")
    if node.children:
        lines.append(f"{pad}states:")
        for child in node.children:
            body = _body(child, depth + 2)
            lines += [f"{pad}  {child.id}:", *body] if body else [f"{pad}  {child.id}: {{}}"]
    return lines


def _way_in(arc: Arc) -> str:
    targets = arc.targets[0] if len(arc.targets) == 1 else f"[{', '.join(arc.targets)}]"
    return f"{{target: {targets}, actions: {_actions(arc.actions)}}}" if arc.actions else targets


def _arc(arc: Arc) -> str:
    parts = []
    if arc.targets:
        parts.append(f"target: [{', '.join(arc.targets)}]")
    if arc.guard is not None:
        parts.append(f'when: "{_guard(arc.guard)}"')
    if arc.internal:
        parts.append("internal: true")
    if arc.actions or not parts:
        parts.append(f"actions: {_actions(arc.actions)}")
    return f"{{{', '.join(parts)}}}"


def _guard(guard: Guard) -> str:
    match guard.kind:
        case "below":
            return f"data.n < {guard.amount}"
        case "mod":
            return f"data.n % {guard.amount} == {guard.rest}"
        case _:
            return f"In('{guard.state}')"


def _actions(acts: tuple[Act, ...]) -> str:
    return f"[{', '.join(map(_act, acts))}]"


def _act(act: Act) -> str:
    match act.kind:
        case "note":
            return f'{{log: "{act.text}"}}'
        case "count":
            return f'{{log: "{act.text} ${{data.n}}"}}'
        case "in":
            return f"{{log: \"{act.text} ${{In('{act.text}')}}\"}}"
        case "add":
            return f'{{assign: {{n: "${{data.n + {act.amount}}}"}}}}'
        case "yaml":
            return act.text
        case _:
            return f"{{raise: {act.text}}}"


# From YAML: only what ``as_yaml`` writes, as hand-written examples use it.


def from_yaml(text: str) -> Spec:
    """The chart that is written in a part of the engine's language. Raises ValueError for the rest of it."""
    return from_map(load_yaml(text, "example.yaml").root)


def from_map(body: Map) -> Spec:
    """As ``from_yaml``, of a document's mapping."""
    return Spec(_node(ROOT, body))


def _node(name: str, raw: Any) -> Node:
    body = dict(raw or {})
    children = [_node(child, inner) for child, inner in dict(body.get("states") or {}).items()]
    kind = body.get("type", "compound" if children else "atomic")
    if kind == "history":
        kind = body.get("history", "shallow")
    node = Node(name, str(kind), children)
    way_in = body.get("default" if kind in HISTORY else "initial")
    if way_in is not None:
        node.initial = _way(way_in)
    node.entry, node.exit = _acts_of(body.get("entry")), _acts_of(body.get("exit"))
    for event, raw_arcs in dict(body.get("on") or {}).items():
        node.arcs += _arcs(event if event != "done" else f"done.state.{name}", raw_arcs)
    node.arcs += _arcs(None, body.get("always", []))
    unknown = body.keys() - {"states", "type", "history", "default", "initial", "entry", "exit", "on", "always"}
    if unknown - {"chart", "events", "data"}:
        raise ValueError(f"no part of a Spec: {unknown}")
    return node


def _arcs(event: str | None, raw: Any) -> list[Arc]:
    return [_arc_of(event, one) for one in (raw if isinstance(raw, list) else [raw])]


def _arc_of(event: str | None, raw: Any) -> Arc:
    if isinstance(raw, str):
        return Arc(event, (raw,))
    if raw.keys() - {"target", "when", "actions", "internal"}:
        raise ValueError(f"no part of a Spec: {raw}")
    arc = _way(raw) if "target" in raw else Arc(None, actions=_acts_of(raw.get("actions")))
    arc.event = event
    arc.guard = _guard_of(str(raw["when"])) if "when" in raw else None
    arc.internal = raw.get("internal") is True
    return arc


def _way(raw: Any) -> Arc:
    target = raw["target"] if isinstance(raw, dict) else raw
    targets = tuple(map(str, target)) if isinstance(target, list) else (str(target),)
    return Arc(None, targets, actions=_acts_of(raw.get("actions") if isinstance(raw, dict) else None))


def _acts_of(raw: Any) -> tuple[Act, ...]:
    return tuple(_act_of(*next(iter(one.items()))) for one in raw or ())


_COUNTED = re.compile(r"(.+) \$\{data\.n\}")
_ASKED = re.compile(r"(\w+) \$\{In\('\1'\)\}")
_ADDED = re.compile(r"\$\{data\.n \+ (\d+)\}")
_GUARDS = {
    "below": re.compile(r"data\.n < (?P<amount>\d+)"),
    "mod": re.compile(r"data\.n % (?P<amount>\d+) == (?P<rest>\d+)"),
    "in": re.compile(r"In\('(?P<state>\w+)'\)"),
}


def _act_of(name: str, raw: Any) -> Act:
    match name:
        case "raise" if isinstance(raw, str):
            return Act("raise", raw)
        case "assign" if list(raw) == ["n"] and (added := _ADDED.fullmatch(str(raw["n"]))):
            return Act("add", amount=int(added[1]))
        case "log" if isinstance(raw, str):
            for kind, pattern in (("count", _COUNTED), ("in", _ASKED)):
                if found := pattern.fullmatch(raw):
                    return Act(kind, found[1])
            if "${" not in raw:
                return Act("note", raw)
    raise ValueError(f"no part of a Spec: {name} {raw}")


def _guard_of(text: str) -> Guard:
    for kind, pattern in _GUARDS.items():
        if found := pattern.fullmatch(text):
            given = {key: value if key == "state" else int(value) for key, value in found.groupdict().items()}
            return Guard(kind, **given)  # type: ignore[arg-type]
    raise ValueError(f"no part of a Spec: {text}")
