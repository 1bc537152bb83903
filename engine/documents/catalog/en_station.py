"""English: what can be wrong with a station.yaml."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "duplicate-batch": Entry(
        "a second batch is called '{batch}'",
        "Results and messages name their batch: each needs an id of its own.",
        "give one of the two another id",
    ),
    "host-without-auth": Entry(
        "'{host}' can be reached by others, and 'auth' is not enabled",
        "Whoever reaches the API drives the hardware. Only this computer itself may do so without a key.",
        "add 'auth: {{enabled: true}}' to the server, or write 'host: 127.0.0.1'",
    ),
    "batch-without-work": Entry(
        "this batch has nothing to do",
        "A batch runs a sequence, or it is a line of the gateway.",
        "add 'sequencePackage: NAME', or 'chart: weighing' with its 'devices'",
    ),
    "batch-key-misplaced": Entry(
        "'{key}' does not go with '{other}'",
        "A batch runs a sequence on its hardware, or it is a line of the gateway with a chart and devices; not both.",
        "remove '{key}', or '{other}'",
    ),
    "line-without-gateway": Entry(
        "this batch is a line, and the station has no 'gateway'",
        "The records of a line go to the server that 'gateway' names.",
        "add 'gateway: {{server: {{url: ...}}}}' to the file",
    ),
    "bad-fault": Entry(
        "'{fault}' is no fault: {detail}",
        "A fault says which hardware and command it befalls, and what happens.",
        "write it as in 'psu.on=exception' or 'dmm.read=drift:0.05%10'",
    ),
    "faults-not-simulated": Entry(
        "faults are for simulated hardware only",
        "Nothing befalls real hardware on purpose.",
        "add 'simulate: true' to the batch, or remove the faults",
    ),
    "broken-sequence": Entry(
        "the sequence '{name}' cannot be run; it is wrong at {place}",
        "A batch needs a sequence without errors.",
        "check it by itself with 'engine validate'",
    ),
}
