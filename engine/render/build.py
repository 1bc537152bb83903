"""From a chart to the scene that pictures of it show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.bindings.registry import COMMON_OUTCOMES
from engine.chart.build import CHART_SERVICE
from engine.chart.model import BoundAction, Chart, Invoke, State, Transition, TransitionKind
from engine.render.scene import Box, Fact, FactKind, Reaction, Scene, Titles
from engine.render.words import Settings, action_text, delay, guard_text, setting_values, whole_action


def scene_of(chart: Chart, titles: Titles = Titles.BOTH) -> Scene:
    """Everything of a chart that a picture shows, nothing marked yet."""
    settings = setting_values(chart.settings)
    boxes = {state.id: _box(state, settings) for state in chart.in_order}
    for state in chart.states.values():
        if state.parent is not None and state.parent.finally_ == state.id:
            boxes[state.id].marks = (*boxes[state.id].marks, "finally")
    return Scene(
        name=chart.name,
        title=chart.title,
        version=chart.version,
        file=chart.position.file,
        boxes=boxes,
        settings={name: (settings.get(name, ""), declared.help) for name, declared in chart.settings.items()},
        titles=titles,
    )


def _box(state: State, settings: Settings) -> Box:
    return Box(
        id=state.id,
        kind=state.kind,
        title=state.title,
        position=state.position,
        parent=None if state.parent is None else state.parent.id,
        children=[child.id for child in state.children],
        initial=state.initial.targets if state.initial is not None else (),
        finally_=state.finally_,
        facts=_facts(state, settings),
        reactions=list(_reactions(state, settings)),
        marks=(*sorted(state.tags), *(["persist"] if state.is_persistent else [])),
    )


def _facts(state: State, settings: Settings) -> list[Fact]:
    if state.kind.is_history:
        return []
    groups = (
        (FactKind.ENTRY, state.entry),
        (FactKind.INITIAL, _on_the_way_in([state])),
        (FactKind.HISTORY, _on_the_way_in([child for child in state.children if child.kind.is_history])),
        (FactKind.EXIT, state.exit),
    )
    found = [
        Fact(kind, action_text(action, settings), whole_action(action, settings), action.position)
        for kind, actions in groups
        for action in actions
    ]
    return found + [_invoked(invoke) for invoke in state.invokes]


def _on_the_way_in(states: Sequence[State]) -> list[BoundAction]:
    return [action for state in states if state.initial is not None for action in state.initial.actions]


def _invoked(invoke: Invoke) -> Fact:
    name = invoke.service.name
    shown = f"chart {name.removeprefix(CHART_SERVICE)}" if name.startswith(CHART_SERVICE) else invoke.does or name
    ends = f", given {invoke.cancel_wait:g} s to end" if invoke.cancel_wait else ""
    about = f": {invoke.service.help.ko}" if invoke.service.help.ko else ""
    return Fact(FactKind.INVOKE, shown + ends, f"invoke {shown}{about}{ends}", invoke.position)


def _reactions(state: State, settings: Settings) -> Iterator[Reaction]:
    """In document order: the first that fits wins, so an unguarded one after guarded ones is their else."""
    guarded: set[str | None] = set()
    for transition in state.transitions:
        otherwise = "else" if transition.event in guarded else ""
        guard = guard_text(transition.guard.text, settings) if transition.guard is not None else otherwise
        if transition.guard is not None:
            guarded.add(transition.event)
        yield _reaction(state, transition, guard, settings)


def _reaction(state: State, transition: Transition, guard: str, settings: Settings) -> Reaction:
    head, note = _head(state, transition, settings)
    if transition.is_internal and transition.targets:
        note = f"{note}, internal" if note else "internal"
    actions = tuple(action_text(action, settings) for action in transition.actions)
    lines = [f"{head} ({note})" if note else head]
    lines += [f"  {guard}" if guard == "else" else f"  if {guard}"] if guard else []
    lines += [f"  {whole_action(action, settings)}" for action in transition.actions]
    lines += [f"  → {', '.join(transition.targets)}"] if transition.targets else []
    return Reaction(
        source=state.id,
        targets=transition.targets,
        kind=transition.kind,
        head=head,
        note=note,
        guard=guard,
        actions=actions,
        full="\n".join(lines),
        event=transition.event,
        id=transition.id,
        positions=(transition.position,),
        is_failure=transition.kind is TransitionKind.OUTCOME and _outcome_name(transition) in COMMON_OUTCOMES,
    )


def _head(state: State, transition: Transition, settings: Settings) -> tuple[str, str]:
    match transition.kind:
        case TransitionKind.TIMER:
            timer = next((t for t in state.timers if t.key == transition.event), None)
            time, note = delay(timer.text, settings) if timer is not None else (transition.label, "")
            restored = f", {timer.on_restore} on restore" if timer is not None and timer.on_restore != "resume" else ""
            return f"after {time}{restored}".rstrip(), note
        case TransitionKind.OUTCOME:
            return _outcome(state, transition, settings)
    return transition.label or transition.event or "always", ""


def _outcome_name(transition: Transition) -> str:
    return (transition.event or "").rpartition("/")[2]


def _outcome(state: State, transition: Transition, settings: Settings) -> tuple[str, str]:
    """An outcome, with its invoke's name where the state has several, and with the time of a timeout."""
    key, _, outcome = (transition.event or "").rpartition("/")
    invoke = next((i for i in state.invokes if i.key == key), None)
    if invoke is None:
        return transition.label, ""
    of = f"{invoke.service.name.removeprefix(CHART_SERVICE)}: " if len(state.invokes) > 1 else ""
    if outcome != "timeout" or invoke.timeout is None:
        return f"{of}{outcome}", ""
    time, note = delay(invoke.timeout.text, settings)
    return f"{of}{outcome} {time}".rstrip(), note
