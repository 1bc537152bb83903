"""Examples of names that nothing has, and of what is missing or in the wrong place."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import Example

_BASE: Final = """\
chart: door
events: {button.pressed: {}}
initial: shut
states:
  shut:
    on:
      button.pressed: {id: opening, target: open}
  open: {after: {30 s: shut}}
"""

EXAMPLES: Final[dict[str, Example]] = {
    "unknown-target": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle: {on: {button.pressed: ‹bussy¦busy›}}
  busy: {after: {3 s: idle}}
"""),
    "unknown-event": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle: {on: {‹button.presed¦button.pressed›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "unknown-guard": Example("""\
chart: example
events: {weight.read: {value: mass, stable: flag, status: text}}
data: {samples: {type: window}}
initial: weighing
states:
  weighing:
    on: {weight.read: {actions: [{window.add: samples}]}}
    always:
      target: steady
      guard: {‹window_is_stabel¦window_is_stable›: {window: samples, for: 1 s, within: 20 g, at_least: 50 g}}
    after: {30 s: steady}
  steady: {type: final}
"""),
    "unknown-action": Example("""\
chart: example
initial: busy
states:
  busy:
    entry: [{‹signal.shwo¦signal.show›: saved}]
    after: {3 s: done}
  done: {type: final}
"""),
    "unknown-service": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: ‹store.load_gatway¦store.load_gateway›
      timeout: 10 s
      on: {registered: known, unregistered: again, error: again, timeout: again}
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "unknown-outcome": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      timeout: 10 s
      on: {‹registred¦registered›: known, unregistered: again, error: again, timeout: again}
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "missing-outcome": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      timeout: 10 s
      on: {registered: known, unregistered: again, ‹¦error: again, ›timeout: again}
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "outcome-needs-argument": Example("""\
chart: example
events: {card.read: {uid: text}}
data: {uid: {type: text}, id: {type: uuid}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {target: saving, actions: [{assign: {uid: "${event.uid}", id: "${new_id()}"}}]}
  saving:
    invoke:
      service: store.save_record
      with: {id: "${data.id}", rfid_uid: "${data.uid}", weight: 3 kg, measured_at: "${now()}"‹¦, take: the box›}
      timeout: 5 s
      on: {saved: idle, missing: idle, full: again, error: again, timeout: again}
  again: {after: {1 s: saving}}
"""),
    "unknown-data": Example("""\
chart: example
events: {card.read: {uid: text}}
data: {uid: {type: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read:
        actions:
          - assign: {‹uit¦uid›: "${event.uid}"}
          - log: "card ${data.uid}"
"""),
    "unknown-setting": Example(
        """\
server: {url: "http://127.0.0.1:8000"}
lines:
  - name: dock-1
    settings: {‹min_wieght¦min_weight›: 100 g}
    devices:
      scale: {port: COM3, protocol: cas-22}
""",
        file="site.yaml",
    ),
    "unknown-argument": Example("""\
chart: example
initial: busy
states:
  busy:
    entry:
      - log: {message: busy now, ‹levle¦level›: warning}
    after: {3 s: done}
  done: {type: final}
"""),
    "missing-argument": Example("""\
chart: example
initial: busy
states:
  busy:
    entry:
      - log: {‹¦message: busy now, ›level: warning}
    after: {3 s: done}
  done: {type: final}
"""),
    "unknown-id": Example(
        """\
extends: door.yaml
states:
  shut:
    on:
      button.pressed:
        - {id: ‹openning¦opening›, target: open, actions: [{log: opened}]}
""",
        beside={"door.yaml": _BASE},
    ),
    "extends-cycle": Example(
        """\
extends: door.yaml
title: my door
""",
        beside={"door.yaml": "‹extends: example.yaml¦" + _BASE.rstrip("\n") + "›\n"},
    ),
    "referenced-file-missing": Example(
        """\
extends: ‹dor.yaml¦door.yaml›
title: my door
""",
        beside={"door.yaml": _BASE},
    ),
    "unknown-chart": Example("""\
extends: ‹wieghing¦weighing›
title: weighing at dock 3
"""),
    "duplicate-state": Example("""\
chart: example
events: {button.pressed: {}}
initial: day
states:
  day:
    initial: idle
    on: {button.pressed: night}
    states:
      idle: {}
  night:
    initial: ‹idle¦asleep›
    on: {button.pressed: day}
    states:
      ‹idle¦asleep›: {}
"""),
    "wrong-state-type": Example("""\
chart: example
initial: busy
states:
  busy:
    ‹type: atomic¦type: compound›
    initial: first
    states:
      first: {after: {1 s: second}}
      second: {after: {1 s: first}}
"""),
    "misplaced-key": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle:
    ‹initial: busy
    ¦›on: {button.pressed: busy}
  busy: {after: {3 s: idle}}
"""),
    "missing-initial": Example("""\
chart: example
initial: busy
states:
  busy:
    ‹¦initial: first
    ›states:
      first: {after: {1 s: second}}
      second: {after: {1 s: first}}
"""),
    "missing-history-default": Example("""\
chart: example
events: {pause: {}, resume: {}}
initial: busy
states:
  busy:
    initial: first
    on: {pause: resting}
    states:
      first: {after: {1 s: second}}
      second: {after: {1 s: first}}
      last: {type: history‹¦, default: first›}
  resting: {on: {resume: last}}
"""),
    "initial-outside": Example("""\
chart: example
events: {button.pressed: {}}
initial: busy
states:
  busy:
    initial: ‹resting¦first›
    on: {button.pressed: resting}
    states:
      first: {after: {1 s: second}}
      second: {after: {1 s: first}}
  resting: {after: {3 s: busy}}
"""),
    "finally-never-ends": Example("""\
chart: example
initial: measuring
states:
  measuring:
    initial: running
    finally: switched_off
    states:
      running: {after: {10 s: done}}
      switched_off:
        entry: [{log: voltage off}]
        ‹after: {1 s: running}¦›
  done: {type: final}
"""),
    "retry-not-atomic": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      ‹- ¦›service: store.load_gateway
      ‹  ¦›timeout: 10 s
      ‹  ¦›retry: {times: 3, first: 2 s}
      ‹  ¦›on: {registered: known, unregistered: known, error: known, timeout: known}
  known: {type: final}
"""),
    "unknown-key": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle:
    on:
      button.pressed: {‹traget¦target›: busy}
  busy: {after: {3 s: idle}}
"""),
    "ambiguous": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      ‹chart: weighing
      ¦›timeout: 10 s
      on: {registered: known, unregistered: again, error: again, timeout: again}
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "pattern-mismatch": Example("""\
chart: ‹My Example¦my-example›
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
    "missing-key": Example("""\
chart: example
‹¦initial: idle
›states:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
    "missing-space": Example("""\
chart: example
initial: idle
states:
  idle:
    after: {1 s: busy}
  busy:
    ‹title:busy:¦title: busy›
    after: {3 s: idle}
"""),
    "wrong-key-name": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: ‹too busy¦too_busy›}}
  ‹too busy¦too_busy›: {after: {3 s: idle}}
"""),
}
