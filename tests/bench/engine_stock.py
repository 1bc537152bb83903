"""The weighing cycle written for python-statemachine by hand, as its users would, and run by its own engine."""

from __future__ import annotations

from typing import Any, Final

from statemachine import State, StateChart


class _Weighing:
    last = 0.0

    def has_uid(self, uid: str | None) -> bool:
        return uid is not None

    def is_enough(self, value: float) -> bool:
        return value >= 10

    def remember(self, value: float) -> None:
        self.last = value


class Flat(_Weighing, StateChart[Any]):
    """Four states."""

    idle = State(initial=True)
    measuring = State()
    saving = State()
    saved = State()

    card = idle.to(measuring, cond="has_uid")
    weight = measuring.to(saving, cond="is_enough") | measuring.to(None, on="remember")  # type: ignore[arg-type]
    committed = saving.to(saved)
    lifted = saved.to(idle)


class Nested(_Weighing, StateChart[Any]):
    """Three levels; what is remembered is remembered one level up."""

    class working(State.Compound, initial=True):  # noqa: N801 - the library's way
        class weighing(State.Compound, initial=True):  # noqa: N801
            idle = State(initial=True)
            measuring = State()
            card = idle.to(measuring, cond="has_uid")

        class recording(State.Compound):  # noqa: N801
            saving = State(initial=True)
            saved = State()
            committed = saving.to(saved)

        weight = weighing.measuring.to(recording.saving, cond="is_enough") | weighing.to(None, on="remember")
        lifted = recording.saved.to(weighing.idle)


class Parallel(_Weighing, StateChart[Any]):
    """Four regions, which all take every event."""

    class lines(State.Parallel):  # noqa: N801
        class line_1(State.Compound):  # noqa: N801
            idle_1 = State(initial=True)
            measuring_1 = State()
            saving_1 = State()
            saved_1 = State()
            card = idle_1.to(measuring_1, cond="has_uid")
            weight = measuring_1.to(saving_1, cond="is_enough") | measuring_1.to(None, on="remember")
            committed = saving_1.to(saved_1)
            lifted = saved_1.to(idle_1)

        class line_2(State.Compound):  # noqa: N801
            idle_2 = State(initial=True)
            measuring_2 = State()
            saving_2 = State()
            saved_2 = State()
            card = idle_2.to(measuring_2, cond="has_uid")
            weight = measuring_2.to(saving_2, cond="is_enough") | measuring_2.to(None, on="remember")
            committed = saving_2.to(saved_2)
            lifted = saved_2.to(idle_2)

        class line_3(State.Compound):  # noqa: N801
            idle_3 = State(initial=True)
            measuring_3 = State()
            saving_3 = State()
            saved_3 = State()
            card = idle_3.to(measuring_3, cond="has_uid")
            weight = measuring_3.to(saving_3, cond="is_enough") | measuring_3.to(None, on="remember")
            committed = saving_3.to(saved_3)
            lifted = saved_3.to(idle_3)

        class line_4(State.Compound):  # noqa: N801
            idle_4 = State(initial=True)
            measuring_4 = State()
            saving_4 = State()
            saved_4 = State()
            card = idle_4.to(measuring_4, cond="has_uid")
            weight = measuring_4.to(saving_4, cond="is_enough") | measuring_4.to(None, on="remember")
            committed = saving_4.to(saved_4)
            lifted = saved_4.to(idle_4)


MACHINES: Final[dict[str, type[StateChart[Any]]]] = {"flat": Flat, "nested": Nested, "parallel": Parallel}


class Waiting(StateChart[Any]):
    """A machine that waits for a delayed event. A coroutine among its callbacks lets the library run it by asyncio."""

    idle = State(initial=True)
    done = State(final=True)
    late = idle.to(done)

    async def on_enter_done(self) -> None:
        """Nothing: see the class."""
