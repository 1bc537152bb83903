"""The weighing cycle as charts of ours: flat, three levels deep, and four of it side by side."""

from __future__ import annotations

from typing import Any, Final

from engine.bindings.shipped import shipped_registry
from engine.chart.load import build_checked
from engine.chart.model import Chart
from engine.documents.source import load_yaml
from engine.runtime.machine import machine_class

EVENTS: Final = """
events: {card: {uid: text}, weight: {value: number}, committed: {}, lifted: {}}
"""

FLAT: Final = f"""
chart: flat
{EVENTS}
data: {{last: {{type: number, default: 0}}}}
initial: idle
states:
  idle:
    on: {{card: {{target: measuring, when: event.uid != None}}}}
  measuring:
    on:
      weight:
        - {{target: saving, when: event.value >= 10}}
        - {{actions: [{{assign: {{last: "${{event.value}}"}}}}]}}
  saving: {{on: {{committed: saved}}}}
  saved: {{on: {{lifted: idle}}}}
"""

NESTED: Final = f"""
chart: nested
{EVENTS}
data: {{last: {{type: number, default: 0}}}}
initial: working
states:
  working:
    initial: weighing
    states:
      weighing:
        initial: idle
        on: {{weight: {{actions: [{{assign: {{last: "${{event.value}}"}}}}]}}}}
        states:
          idle:
            on: {{card: {{target: measuring, when: event.uid != None}}}}
          measuring:
            on: {{weight: {{target: saving, when: event.value >= 10}}}}
      recording:
        initial: saving
        states:
          saving: {{on: {{committed: saved}}}}
          saved: {{on: {{lifted: idle}}}}
"""

_LINE: Final = """
      line_{n}:
        initial: idle_{n}
        states:
          idle_{n}:
            on: {{card: {{target: measuring_{n}, when: event.uid != None}}}}
          measuring_{n}:
            on:
              weight:
                - {{target: saving_{n}, when: event.value >= 10}}
                - {{actions: [{{assign: {{last: "${{event.value}}"}}}}]}}
          saving_{n}: {{on: {{committed: saved_{n}}}}}
          saved_{n}: {{on: {{lifted: idle_{n}}}}}
"""

PARALLEL: Final = f"""
chart: parallel
{EVENTS}
data: {{last: {{type: number, default: 0}}}}
initial: lines
states:
  lines:
    type: parallel
    states:{"".join(_LINE.format(n=n) for n in range(1, 5))}
"""

CHARTS: Final = {"flat": FLAT, "nested": NESTED, "parallel": PARALLEL}


def compiled(text: str) -> tuple[Chart, Any]:
    """From a chart's text to its class, all checks included, as a service does it."""
    chart = build_checked(load_yaml(text, "bench.yaml"), shipped_registry())
    return chart, machine_class(chart)


def large(states: int) -> str:
    """A chart of many states, each with a guard, an action and two ways out."""
    lines = [f"chart: large{EVENTS}data: {{last: {{type: number, default: 0}}}}", "initial: s0", "states:"]
    for number in range(states):
        lines += [
            f"  s{number}:",
            f"    entry: [{{assign: {{last: {number}}}}}]",
            "    on:",
            f"      card: s{(number + 1) % states}",
            f"      weight: {{target: s{(number - 1) % states}, when: event.value > {number}}}",
        ]
    return "\n".join(lines)
