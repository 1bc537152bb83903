"""How a machine survives a restart: what is kept of it and when, and what the next process does with it.

What a macrostep orders is kept with the machine until it is done. A process that dies in between does it after its
restart: twice at worst, and never not at all, so that an ordered "off" is not lost. An "on" is: a state that only its
cleanup outlives is not gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from engine.chart.model import TransitionKind
from engine.effects import Effect, MachineEnded
from engine.errors import EngineError
from engine.ports import Snapshots
from engine.runtime.codec import decode_effects, encode_effects
from engine.runtime.errors import MachineFaultError
from engine.runtime.interpreter import Interpreter

Take = Callable[[float, datetime], list[Effect]]


@dataclass(frozen=True, slots=True)
class Keep:
    """To be done between effects: this document becomes the machine's snapshot; None drops the one that it has."""

    document: Mapping[str, Any] | None


Step = Effect | Keep


class Survival:
    """One machine's snapshot in the store. ``log`` is bound to the machine."""

    def __init__(self, name: str, interpreter: Interpreter, snapshots: Snapshots, log: Any) -> None:
        self._name = name
        self._interpreter = interpreter
        self._snapshots = snapshots
        self._log = log
        self._may_persist = interpreter.may_persist
        self._has_snapshot = False  # or may have one
        self._asleep: Mapping[str, Any] | None = None  # what the machine was when it was stopped

    def steps(self, effects: list[Effect], monotonic: float, now: datetime) -> Sequence[Step]:
        """The effects of the last macrostep, and what is kept of the machine before, between and after them."""
        machine = self._interpreter
        if not self._may_persist or not (effects or machine.transitions):
            return effects  # most readings change nothing
        if not (self._has_snapshot or machine.is_persistent or self._asleep):
            return effects
        try:
            return self._with_keeping(effects, monotonic, now)
        except EngineError as error:
            # Going on without is worse for a restart, but standing still is worse for the hall.
            self._log.error("machine.snapshot.failed", reason=str(error))
            return effects

    def _with_keeping(self, effects: list[Effect], monotonic: float, now: datetime) -> list[Step]:
        document = self._asleep
        if self._interpreter.is_running and self._interpreter.is_persistent:
            document = self._interpreter.snapshot(monotonic, now)
        if document is None:
            # Done first, forgotten then; and only then is the machine over.
            end = [effect for effect in effects if isinstance(effect, MachineEnded)]
            return [*(effect for effect in effects if effect not in end), Keep(None), *end]
        ordered = encode_effects(effects) if self._has_cleaned_up() or not self._is_left_by_a_crash() else []
        if not ordered:
            return [Keep(document), *effects]
        return [Keep({**document, "effects": ordered}), *effects, Keep(document)]

    def _has_cleaned_up(self) -> bool:
        """Whether the last macrostep entered a cleanup, or went on in one."""
        return any(
            transition.kind is TransitionKind.FINALLY or self._is_in_cleanup(transition.source)
            for transition in self._interpreter.transitions
        )

    def _is_in_cleanup(self, name: str) -> bool:
        state = self._interpreter.chart.states.get(name)
        lineage = () if state is None else (state, *state.ancestors())
        return any(one.parent is not None and one.parent.finally_ == one.id for one in lineage)

    def _is_left_by_a_crash(self) -> bool:
        """Whether a restart would clean up instead of going on: what was ordered is then better left undone."""
        states = self._interpreter.chart.states
        active = [states[name] for name in self._interpreter.configuration]
        return any(
            s.finally_ is not None and not s.is_persistent and s.finally_ not in self._interpreter.configuration
            for s in active
        )

    def fall_asleep(self, monotonic: float, now: datetime) -> list[Effect]:
        """Stop. Where the machine survives a restart and has nothing to clean up, the next start goes on from here."""
        machine = self._interpreter
        active = [machine.chart.states[name] for name in machine.configuration]
        if machine.is_running and any(s.is_persistent for s in active) and all(s.finally_ is None for s in active):
            try:
                self._asleep = machine.snapshot(monotonic, now)
            except EngineError as error:
                self._log.error("machine.snapshot.failed", reason=str(error))
        return machine.stop(monotonic, now)

    async def keep(self, step: Keep) -> None:
        """Have the snapshot saved, or dropped. Never raises; what failed is tried again with the next macrostep."""
        try:
            if step.document is None:
                await self._snapshots.drop_snapshot(self._name)
            else:
                await self._snapshots.save_snapshot(self._name, json.dumps(step.document))
            self._has_snapshot = step.document is not None
        except EngineError as error:
            self._log.error("machine.snapshot.failed", reason=str(error))

    async def begin(self) -> Take:
        """How this machine begins: where its snapshot was taken, or at the chart's beginning."""
        try:
            document = await self._snapshots.load_snapshot(self._name)
            self._has_snapshot = document is not None
            return self._interpreter.start if document is None else partial(self._go_on, json.loads(document))
        except (EngineError, RecursionError, ValueError) as error:
            self._log.error("machine.snapshot.unreadable", reason=str(error))
            self._has_snapshot = True  # perhaps: it is dropped, and does not come back when its time is long over
            return self._interpreter.start

    async def drop_stale(self) -> None:
        """Drop what a chart that survived restarts has left behind for one that does not."""
        await self.keep(Keep(None))

    def _go_on(self, found: Mapping[str, Any], monotonic: float, now: datetime) -> list[Effect]:
        ordered: list[Effect] = []
        try:
            ordered = decode_effects(found.get("effects", ()))
            return [*ordered, *self._interpreter.restore(found, monotonic, now)]
        except MachineFaultError:
            raise
        except (EngineError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._log.error("machine.snapshot.refused", reason=str(error))
            return [*ordered, *self._interpreter.start(monotonic, now)]
