"""The weighing cycle for ``transitions`` and Sismic, as their users would write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sismic.interpreter import Interpreter
from sismic.io import import_from_yaml
from transitions import Machine
from transitions.extensions import HierarchicalMachine

# transitions ---------------------------------------------------------------------------------------------------------


class Box:
    """What the library adds its triggers to."""

    last = 0.0
    state: Any  # the library's

    def has_uid(self, uid: str | None = None) -> bool:
        return uid is not None

    def is_enough(self, value: float = 0) -> bool:
        return value >= 10

    def remember(self, value: float = 0) -> None:
        self.last = value


_LINE: Final[dict[str, Any]] = {
    "states": ["idle", "measuring", "saving", "saved"],
    "initial": "idle",
    "transitions": [
        ["card", "idle", "measuring", "has_uid"],
        ["weight", "measuring", "saving", "is_enough"],
        {"trigger": "weight", "source": "measuring", "dest": None, "after": "remember"},
        ["committed", "saving", "saved"],
        ["lifted", "saved", "idle"],
    ],
}


def transitions_box(variant: str) -> Box:
    """A model driven by the library's machine."""
    box = Box()
    if variant == "flat":
        Machine(box, auto_transitions=False, **_LINE)
    elif variant == "nested":
        HierarchicalMachine(
            box,
            states=[
                {
                    "name": "working",
                    "children": [
                        {"name": "weighing", "children": ["idle", "measuring"]},
                        {"name": "recording", "children": ["saving", "saved"]},
                    ],
                }
            ],
            initial="working_weighing_idle",
            transitions=[
                ["card", "working_weighing_idle", "working_weighing_measuring", "has_uid"],
                ["weight", "working_weighing_measuring", "working_recording_saving", "is_enough"],
                {"trigger": "weight", "source": "working_weighing", "dest": None, "after": "remember"},
                ["committed", "working_recording_saving", "working_recording_saved"],
                ["lifted", "working_recording_saved", "working_weighing_idle"],
            ],
            auto_transitions=False,
        )
    else:
        numbers = range(1, 5)
        HierarchicalMachine(
            box,
            states=[{"name": "lines", "parallel": [{"name": f"line{n}", **_children()} for n in numbers]}],
            initial="lines",
            transitions=[_in_line(n, transition) for n in numbers for transition in _LINE["transitions"]],
            auto_transitions=False,
        )
    return box


def _children() -> dict[str, Any]:
    return {"children": list(_LINE["states"]), "initial": "idle"}


def _in_line(number: int, transition: Any) -> Any:
    if isinstance(transition, dict):
        return {**transition, "source": f"lines_line{number}_{transition['source']}"}
    trigger, source, target, *conditions = transition
    return [trigger, f"lines_line{number}_{source}", f"lines_line{number}_{target}", *conditions]


# Sismic --------------------------------------------------------------------------------------------------------------

_SISMIC_LINE: Final = """
{pad}- name: idle{n}
{pad}  transitions: [{{event: card, target: measuring{n}, guard: event.uid is not None}}]
{pad}- name: measuring{n}
{pad}  transitions:
{pad}  - {{event: weight, target: saving{n}, guard: event.value >= 10, priority: high}}
{pad}  - {{event: weight, action: last = event.value}}
{pad}- name: saving{n}
{pad}  transitions: [{{event: committed, target: saved{n}}}]
{pad}- name: saved{n}
{pad}  transitions: [{{event: lifted, target: idle{n}}}]
"""

_SISMIC_NESTED: Final = """
    - name: working
      initial: weighing
      states:
      - name: weighing
        initial: idle
        transitions: [{event: weight, action: last = event.value}]
        states:
        - name: idle
          transitions: [{event: card, target: measuring, guard: event.uid is not None}]
        - name: measuring
          transitions: [{event: weight, target: saving, guard: event.value >= 10}]
      - name: recording
        initial: saving
        states:
        - name: saving
          transitions: [{event: committed, target: saved}]
        - name: saved
          transitions: [{event: lifted, target: idle}]
"""


def sismic_interpreter(variant: str) -> Interpreter:
    """A running interpreter."""
    if variant == "flat":
        root = f"    initial: idle\n    states:{_SISMIC_LINE.format(pad='    ', n='')}"
    elif variant == "nested":
        root = f"    initial: working\n    states:{_SISMIC_NESTED}"
    else:
        regions = "".join(
            f"\n    - name: line{n}\n      initial: idle{n}\n      states:{_SISMIC_LINE.format(pad='      ', n=n)}"
            for n in range(1, 5)
        )
        root = f"    parallel states:{regions}"
    interpreter = Interpreter(
        import_from_yaml(f"statechart:\n  name: weighing\n  preamble: last = 0\n  root state:\n    name: root\n{root}")
    )
    interpreter.execute()
    return interpreter


def sismic_send(interpreter: Interpreter) -> Callable[..., object]:
    """Queue one event and run to completion."""

    def send(name: str, /, **data: object) -> None:
        interpreter.queue(name, **data)
        interpreter.execute()

    return send
