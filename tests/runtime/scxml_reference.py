"""SCXML's algorithm (W3C Recommendation, Appendix D), written down as it stands there: slow, plain, and the judge.

Nothing here is shared with the engine, and nothing is clever: each function is one procedure of the appendix under its
own name, on a :class:`chart_spec.Spec`. What the appendix leaves open (executable content, data) is what a Spec has.
Two things are the engine's own and are told where they stand: how an event descriptor matches (only ``*`` and a
trailing ``.*`` are wildcards), and that a chart that never comes to rest is an error.
"""

# ruff: noqa: N802, N803, N806 - the appendix' own names

from __future__ import annotations

from collections import deque

from chart_spec import HISTORY, Act, Arc, Guard, Node, Spec

MOST_MICROSTEPS = 1000


class EndlessError(Exception):
    """The chart never comes to rest."""


class Reference:
    """One machine. ``start`` and ``send`` answer with the notes that were taken."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.n = 0
        self.notes: list[str] = []
        self.running = False
        self._configuration: list[Node] = []
        self._history: dict[str, list[Node]] = {}
        self._internal: deque[str] = deque()

    @property
    def configuration(self) -> tuple[str, ...]:
        return tuple(s.id for s in sorted(self._configuration, key=lambda s: s.order))

    def start(self) -> list[str]:
        """``interpret``, and ``mainEventLoop`` until it waits for an external event."""
        self.notes = []
        self.running = True
        assert self.spec.root.initial is not None
        self.spec.root.initial.source = self.spec.root.id
        self._enterStates([self.spec.root.initial])
        self._macrostep()
        return self.notes

    def send(self, event: str) -> list[str]:
        """One turn of ``mainEventLoop``."""
        self.notes = []
        if self.running:
            enabled = self._selectTransitions(event)
            if enabled:
                self._microstep(enabled)
            self._macrostep()
        return self.notes

    def _macrostep(self) -> None:
        left = MOST_MICROSTEPS
        macrostepDone = False
        while self.running and not macrostepDone:
            left -= 1
            if left < 0:
                raise EndlessError
            enabled = self._selectEventlessTransitions()
            if not enabled:
                if not self._internal:
                    macrostepDone = True
                else:
                    enabled = self._selectTransitions(self._internal.popleft())
            if enabled:
                self._microstep(enabled)
        if not self.running:
            self._exitInterpreter()

    def _exitInterpreter(self) -> None:
        for s in sorted(self._configuration, key=lambda s: s.order, reverse=True):
            self._executeContent(s.exit)

    # Selecting transitions ---------------------------------------------------------------------------------------

    def _selectEventlessTransitions(self) -> list[Arc]:
        enabled: list[Arc] = []
        for state in sorted((s for s in self._configuration if isAtomicState(s)), key=lambda s: s.order):
            found = False
            for s in [state, *getProperAncestors(state, None)]:
                if found:
                    break
                for t in s.arcs:
                    if t.event is None and self._conditionMatch(t):
                        if t not in enabled:
                            enabled.append(t)
                        found = True
                        break
        return self._removeConflictingTransitions(enabled)

    def _selectTransitions(self, event: str) -> list[Arc]:
        enabled: list[Arc] = []
        for state in sorted((s for s in self._configuration if isAtomicState(s)), key=lambda s: s.order):
            found = False
            for s in [state, *getProperAncestors(state, None)]:
                if found:
                    break
                for t in s.arcs:
                    if t.event is not None and nameMatch(t.event, event) and self._conditionMatch(t):
                        if t not in enabled:
                            enabled.append(t)
                        found = True
                        break
        return self._removeConflictingTransitions(enabled)

    def _removeConflictingTransitions(self, enabledTransitions: list[Arc]) -> list[Arc]:
        filteredTransitions: list[Arc] = []
        for t1 in enabledTransitions:
            t1Preempted = False
            transitionsToRemove: list[Arc] = []
            for t2 in filteredTransitions:
                if {s.id for s in self._computeExitSet([t1])} & {s.id for s in self._computeExitSet([t2])}:
                    if isDescendant(self._source(t1), self._source(t2)):
                        transitionsToRemove.append(t2)
                    else:
                        t1Preempted = True
                        break
            if not t1Preempted:
                for t3 in transitionsToRemove:
                    filteredTransitions.remove(t3)
                filteredTransitions.append(t1)
        return filteredTransitions

    # The microstep -----------------------------------------------------------------------------------------------

    def _microstep(self, enabledTransitions: list[Arc]) -> None:
        self._exitStates(enabledTransitions)
        self._executeTransitionContent(enabledTransitions)
        self._enterStates(enabledTransitions)

    def _exitStates(self, enabledTransitions: list[Arc]) -> None:
        statesToExit = sorted(self._computeExitSet(enabledTransitions), key=lambda s: s.order, reverse=True)
        for s in statesToExit:
            for h in (c for c in s.children if c.kind in HISTORY):
                if h.kind == "deep":
                    remembered = [s0 for s0 in self._configuration if isAtomicState(s0) and isDescendant(s0, s)]
                else:
                    remembered = [s0 for s0 in self._configuration if s0.parent is s]
                self._history[h.id] = remembered
        for s in statesToExit:
            self._executeContent(s.exit)
            self._configuration.remove(s)

    def _computeExitSet(self, transitions: list[Arc]) -> list[Node]:
        statesToExit: list[Node] = []
        for t in transitions:
            if t.targets:
                domain = self._getTransitionDomain(t)
                for s in self._configuration:
                    if isDescendant(s, domain) and s not in statesToExit:
                        statesToExit.append(s)
        return statesToExit

    def _executeTransitionContent(self, enabledTransitions: list[Arc]) -> None:
        for t in enabledTransitions:
            self._executeContent(t.actions)

    def _enterStates(self, enabledTransitions: list[Arc]) -> None:
        statesToEnter: list[Node] = []
        statesForDefaultEntry: list[Node] = []
        defaultHistoryContent: dict[str, tuple[Act, ...]] = {}
        self._computeEntrySet(enabledTransitions, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
        for s in sorted(statesToEnter, key=lambda s: s.order):
            if s in self._configuration:
                continue  # 3.13: the entry set has only states "not currently active" or just exited
            self._configuration.append(s)
            self._executeContent(s.entry)
            if s in statesForDefaultEntry:
                assert s.initial is not None
                self._executeContent(s.initial.actions)
            if s.id in defaultHistoryContent:
                self._executeContent(defaultHistoryContent[s.id])
            if s.kind == "final":
                self._enteredFinal(s)

    def _enteredFinal(self, s: Node) -> None:
        parent = s.parent
        assert parent is not None
        if parent is self.spec.root:
            self.running = False
            return
        grandparent = parent.parent
        assert grandparent is not None
        self._internal.append(f"done.state.{parent.id}")
        if grandparent.kind == "parallel" and all(self._isInFinalState(c) for c in getChildStates(grandparent)):
            self._internal.append(f"done.state.{grandparent.id}")

    def _computeEntrySet(
        self,
        transitions: list[Arc],
        statesToEnter: list[Node],
        statesForDefaultEntry: list[Node],
        defaultHistoryContent: dict[str, tuple[Act, ...]],
    ) -> None:
        for t in transitions:
            for target in t.targets:
                self._addDescendantStatesToEnter(
                    self.spec.nodes[target], statesToEnter, statesForDefaultEntry, defaultHistoryContent
                )
            ancestor = self._getTransitionDomain(t) if t.targets else None
            for s in self._getEffectiveTargetStates(t):
                self._addAncestorStatesToEnter(s, ancestor, statesToEnter, statesForDefaultEntry, defaultHistoryContent)

    def _addDescendantStatesToEnter(
        self,
        state: Node,
        statesToEnter: list[Node],
        statesForDefaultEntry: list[Node],
        defaultHistoryContent: dict[str, tuple[Act, ...]],
    ) -> None:
        rest = (statesToEnter, statesForDefaultEntry, defaultHistoryContent)
        if state.kind in HISTORY:
            assert state.parent is not None
            assert state.initial is not None
            if state.id in self._history:
                targets = self._history[state.id]
            else:
                defaultHistoryContent[state.parent.id] = state.initial.actions
                targets = [self.spec.nodes[t] for t in state.initial.targets]
            for s in targets:
                self._addDescendantStatesToEnter(s, *rest)
            for s in targets:
                self._addAncestorStatesToEnter(s, state.parent, *rest)
            return
        if state not in statesToEnter:
            statesToEnter.append(state)
        if state.kind == "compound":
            if state not in statesForDefaultEntry:
                statesForDefaultEntry.append(state)
            assert state.initial is not None
            initial = [self.spec.nodes[t] for t in state.initial.targets]
            for s in initial:
                self._addDescendantStatesToEnter(s, *rest)
            for s in initial:
                self._addAncestorStatesToEnter(s, state, *rest)
        elif state.kind == "parallel":
            for child in getChildStates(state):
                if not any(isDescendant(s, child) for s in statesToEnter):
                    self._addDescendantStatesToEnter(child, *rest)

    def _addAncestorStatesToEnter(
        self,
        state: Node,
        ancestor: Node | None,
        statesToEnter: list[Node],
        statesForDefaultEntry: list[Node],
        defaultHistoryContent: dict[str, tuple[Act, ...]],
    ) -> None:
        for anc in getProperAncestors(state, ancestor):
            if anc is self.spec.root:
                return
            if anc not in statesToEnter:
                statesToEnter.append(anc)
            if anc.kind == "parallel":
                for child in getChildStates(anc):
                    if not any(isDescendant(s, child) for s in statesToEnter):
                        self._addDescendantStatesToEnter(
                            child, statesToEnter, statesForDefaultEntry, defaultHistoryContent
                        )

    def _isInFinalState(self, s: Node) -> bool:
        if s.kind == "compound":
            return any(c.kind == "final" and c in self._configuration for c in getChildStates(s))
        if s.kind == "parallel":
            return all(self._isInFinalState(c) for c in getChildStates(s))
        return False

    # Domains and targets -----------------------------------------------------------------------------------------

    def _getTransitionDomain(self, t: Arc) -> Node:
        tstates = self._getEffectiveTargetStates(t)
        source = self._source(t)
        # The chart itself is no state: its initial transition, and what it reacts to, stay inside of it.
        if source is self.spec.root:
            return source
        if t.internal and source.kind == "compound" and all(isDescendant(s, source) for s in tstates):
            return source
        return self._findLCCA([source, *tstates])

    def _findLCCA(self, stateList: list[Node]) -> Node:
        head, *tail = stateList
        for anc in getProperAncestors(head, None):
            if anc.kind == "compound" and all(isDescendant(s, anc) for s in tail):
                return anc
        raise AssertionError

    def _getEffectiveTargetStates(self, transition: Arc) -> list[Node]:
        targets: list[Node] = []
        for target in transition.targets:
            s = self.spec.nodes[target]
            if s.kind not in HISTORY:
                found = [s]
            elif s.id in self._history:
                found = self._history[s.id]
            else:
                assert s.initial is not None
                found = self._getEffectiveTargetStates(s.initial)
            targets += [one for one in found if one not in targets]
        return targets

    def _source(self, t: Arc) -> Node:
        return self.spec.nodes[t.source]

    # Executable content and conditions ---------------------------------------------------------------------------

    def _executeContent(self, actions: tuple[Act, ...]) -> None:
        for act in actions:
            match act.kind:
                case "note":
                    self.notes.append(act.text)
                case "count":
                    self.notes.append(f"{act.text} {self.n}")
                case "in":
                    self.notes.append(f"{act.text} {self._In(act.text)}")
                case "add":
                    self.n += act.amount
                case _:
                    self._internal.append(act.text)

    def _conditionMatch(self, t: Arc) -> bool:
        return t.guard is None or holds(t.guard, self.n, self._In)

    def _In(self, state: str) -> bool:
        return any(s.id == state for s in self._configuration)


def holds(guard: Guard, n: int, is_active: object) -> bool:
    """Whether a guard holds."""
    match guard.kind:
        case "below":
            return n < guard.amount
        case "mod":
            return n % guard.amount == guard.rest
        case _:
            assert callable(is_active)
            return bool(is_active(guard.state))


def nameMatch(descriptor: str, event: str) -> bool:
    """The engine's own rule: a name means itself; ``*`` any event; ``card.*`` what ``card`` begins, and itself."""
    if descriptor == "*":
        return True
    if descriptor.endswith(".*"):
        return event == descriptor[:-2] or event.startswith(descriptor[:-1])
    return descriptor == event


def isAtomicState(s: Node) -> bool:
    return s.kind in {"atomic", "final"}


def getProperAncestors(state1: Node, state2: Node | None) -> list[Node]:
    found: list[Node] = []
    ancestor = state1.parent
    while ancestor is not None and ancestor is not state2:
        found.append(ancestor)
        ancestor = ancestor.parent
    return found


def isDescendant(state1: Node, state2: Node) -> bool:
    return any(a is state2 for a in getProperAncestors(state1, None))


def getChildStates(state1: Node) -> list[Node]:
    return [c for c in state1.children if c.kind not in HISTORY]
