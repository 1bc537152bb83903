"""Examples of what can be wrong with a station.yaml."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import Example

STATION: Final = "station.yaml"
_ID: Final = "station: {id: line-3}\n"


def _station(text: str) -> Example:
    return Example(_ID + text, STATION)


EXAMPLES: Final[dict[str, Example]] = {
    "duplicate-batch": _station("""\
batches:
  - {id: batch_1, sequencePackage: power_board, simulate: true}
  - {id: batch_‹1¦2›, sequencePackage: power_board, simulate: true}
"""),
    "host-without-auth": _station("""\
server: {host: ‹0.0.0.0¦127.0.0.1›}
batches: []
"""),
    "batch-without-work": _station("""\
batches:
  - {id: ‹batch_1¦batch_1, sequencePackage: power_board, simulate: true›}
"""),
    "batch-key-misplaced": _station("""\
batches:
  - id: batch_1
    sequencePackage: power_board
    simulate: true
‹    settings: {min_weight: 50 g}
¦›"""),
    "line-without-gateway": _station("""\
‹¦gateway: {server: {url: "http://127.0.0.1:8000"}}
›batches:
  - {id: dock-1, chart: weighing, devices: {scale: {port: /dev/ttyUSB0, protocol: cas-22}}}
"""),
    "bad-fault": _station("""\
batches:
  - {id: batch_1, sequencePackage: power_board, simulate: true, faults: ["psu.on=‹explode¦exception›"]}
"""),
    "faults-not-simulated": _station("""\
batches:
  - id: batch_1
    sequencePackage: power_board
    ‹hardware: {psu: {port: /dev/ttyUSB0}, dmm: {port: /dev/ttyUSB1}}¦simulate: true›
    faults: ["psu.on=exception"]
"""),
    "broken-sequence": Example(
        _ID + "batches:\n  - {id: batch_1, sequencePackage: ‹broken¦sound›}\n",
        STATION,
        beside={
            "sequences/broken/sequence.yaml": "sequence: broken\nversion: 1.0.0\nsteps: []\n",
            "sequences/sound/sequence.yaml": "sequence: sound\nversion: 1.0.0\nsteps:\n  - {name: rest, wait: 1 s}\n",
        },
    ),
}
