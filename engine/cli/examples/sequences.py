"""Examples of what can be wrong with a sequence, its limits and its drivers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.cli.examples.example import Example

_FILE: Final = "sequence.yaml"
_PSU: Final = """\
class Psu:
    def __init__(self, port: str = "") -> None: ...
    def on(self, voltage: float) -> None: ...
    def off(self) -> None: ...
    def read(self) -> float: ...


class PsuSim(Psu): ...
"""
_DRIVERS: Final[Mapping[str, str]] = MappingProxyType({"drivers/psu.py": _PSU})
_HEAD: Final = """\
sequence: example
parameters: {vin: {type: number, unit: V, default: 12 V}}
hardware: {psu: {driver: "drivers.psu:Psu"}}
"""


def _example(text: str, **beside: str) -> Example:
    return Example(_HEAD + text, _FILE, {**_DRIVERS, **beside})


def _whole(text: str, psu: str = _PSU) -> Example:
    return Example(text, _FILE, {"drivers/psu.py": psu})


EXAMPLES: Final[dict[str, Example]] = {
    "duplicate-step": _example("""\
steps:
  - {name: read, call: psu.read}
  - {name: ‹read¦read_again›, call: psu.read}
"""),
    "step-kinds": _example("""\
steps:
  - {name: read, call: psu.read‹, wait: 1 s¦›}
"""),
    "step-does-nothing": _example("""\
steps:
  - {name: read‹¦, call: psu.read›}
"""),
    "misplaced-step-key": _example("""\
steps:
  - {name: settle, wait: 1 s‹, retry: {times: 2}¦›}
"""),
    "not-in-cleanup": _example("""\
steps:
  - {name: read, call: psu.read}
cleanup:
  - {name: off, call: psu.off‹, on_fail: stop¦›}
"""),
    "retry-not-call": _example("""\
steps:
  - {name: look, prompt: {text: 불이 켜졌습니까?, choices: [예, 아니오]}, on_fail: ‹retry¦continue›}
"""),
    "resumable-inside": _example("""\
steps:
  - {name: rounds, repeat: {times: 3}, steps: [{name: read, call: psu.read‹, resumable: true¦›}]}
"""),
    "include-cycle": _example(
        """\
steps:
  - {include: rails.yaml}
""",
        **{"rails.yaml": "steps:\n  - {name: read, call: psu.read}\n‹  - {include: rails.yaml}\n¦›"},
    ),
    "path-outside": _example(
        """\
steps:
  - {include: ‹../rails.yaml¦rails.yaml›}
""",
        **{"rails.yaml": "steps:\n  - {name: read, call: psu.read}\n"},
    ),
    "later-result": _example("""\
steps:
‹  - {name: double, measure: {v: {value: "${results.read.v * 2}", at_most: 10}}}
¦›  - {name: read, call: psu.read, measure: {v: {unit: V, at_most: 5}}}
‹¦  - {name: double, measure: {v: {value: "${results.read.v * 2}", at_most: 10}}}
›"""),
    "reserved-measurement": _example("""\
steps:
  - {name: read, call: psu.read, measure: {‹value¦v›: {unit: V, at_most: 5}}}
"""),
    "limits-reversed": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, range: ‹[3.5, 3.1]¦[3.1, 3.5]›}}}
"""),
    "marginal-outside": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, range: [3.1, 3.5], marginal: ‹[3.0, 3.4]¦[3.2, 3.4]›}}}
"""),
    "limit-unit": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, at_most: ‹5 A¦5 V›}}}
"""),
    "limit-not-number": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, at_most: ‹high¦5›}}}
"""),
    "bad-pattern": _example("""\
steps:
  - {name: read, call: psu.read, measure: {model: {pattern: "‹[A-Z¦[A-Z]›+"}}}
"""),
    "unit-without-number": _whole("""\
sequence: example
parameters: {load: {type: mass‹, unit: g¦›, default: 50 g}}
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
"""),
    "no-tolerance": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, within: {of: 0, ‹percent: 5¦by: 0.1›}}}}
"""),
    "limits-never": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V, at_least: 5, at_most: ‹3¦6›}}}
"""),
    "marginal-alone": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V‹¦, range: [3.1, 3.5]›, marginal: [3.2, 3.4]}}}
"""),
    "unit-mismatch": _example("""\
steps:
  - {name: read, call: psu.read, measure: {i: {unit: ‹A¦V›, at_most: "${parameters.vin}"}}}
"""),
    "never-measured": _example("""\
steps:
  - {name: read, call: psu.read, measure: {v: {unit: V‹, from: channels.one¦›}}}
"""),
    "parallel-result": _example("""\
steps:
  - name: both
    parallel:
      - [{name: read, call: psu.read}]
      - [{name: settle, ‹when: results.read.passed, ¦›wait: 1 s}]
"""),
    "lock-held": _example("""\
steps:
  - {name: fixture, lock: jig, steps: [{name: read, ‹lock: jig, ¦›call: psu.read}]}
"""),
    "no-time": _example("""\
steps:
  - {name: read, call: psu.read, timeout: ‹0 s¦2 s›}
"""),
    "unnamed-argument": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: power_on, call: psu.on, with: {voltage: 12}}
""",
        _PSU.replace("voltage: float", "voltage: float‹, /¦›"),
    ),
    "driver-abstract": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
""",
        "from abc import ABC, abstractmethod\n\n\n"
        + _PSU.replace("class Psu:", "class Psu(ABC):", 1).replace(
            "    def read", "‹    @abstractmethod\n¦›    def read"
        ),
    ),
    "twin-lacks-argument": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: power_on, call: psu.on, with: {voltage: 12}}
""",
        _PSU.replace("class PsuSim(Psu): ...", "class PsuSim:\n    def on(self‹¦, voltage: float›) -> None: ..."),
    ),
    "twin-wants-argument": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
""",
        _PSU.replace(
            "class PsuSim(Psu): ...", "class PsuSim:\n    def read(self, load: float‹¦ = 24.0›) -> float: ..."
        ),
    ),
    "unknown-hardware": _example("""\
steps:
  - {name: read, call: ‹pus.read¦psu.read›}
"""),
    "unknown-command": _example("""\
steps:
  - {name: read, call: ‹psu.raed¦psu.read›}
"""),
    "argument-type": _example("""\
steps:
  - {name: power_on, call: psu.on, with: {voltage: ‹high¦12›}}
"""),
    "driver-form": _whole("""\
sequence: example
hardware: {psu: {driver: "‹drivers/psu.py:Psu¦drivers.psu:Psu›"}}
steps:
  - {name: read, call: psu.read}
"""),
    "driver-module-missing": _whole("""\
sequence: example
hardware: {psu: {driver: "‹drivers.pus:Psu¦drivers.psu:Psu›"}}
steps:
  - {name: read, call: psu.read}
"""),
    "driver-broken": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
""",
        "import ‹psu_that_is_not_there¦math›\n" + _PSU,
    ),
    "unknown-driver": _whole("""\
sequence: example
hardware: {psu: {driver: "drivers.psu:‹Pus¦Psu›"}}
steps:
  - {name: read, call: psu.read}
"""),
    "unknown-device": _whole("""\
sequence: example
hardware: {dmm: {driver: ‹skale¦scale›, config: {protocol: mt-sics}}}
steps:
  - {name: weigh, call: dmm.read}
"""),
    "no-simulated-twin": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
""",
        _PSU.replace("class PsuSim(Psu): ...\n", "‹¦class PsuSim(Psu): ...\n›"),
    ),
    "twin-lacks-command": _whole(
        """\
sequence: example
hardware: {psu: {driver: "drivers.psu:Psu"}}
steps:
  - {name: read, call: psu.read}
""",
        _PSU.replace(
            "(Psu): ...", ":\n    def on(self, voltage: float) -> None: ...‹¦\n    def read(self) -> float: ...›"
        ),
    ),
}
