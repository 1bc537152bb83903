"""Examples of charts that can be built, and hardly mean what they say."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import Example

_SITE: Final = """\
server: {url: "http://127.0.0.1:8000"}
lines:
  - name: dock-1
    chart: ./example.yaml
    devices:
      scale: {port: COM3, protocol: cas-22}
"""

EXAMPLES: Final[dict[str, Example]] = {
    "unreachable-state": Example("""\
chart: example
events: {button.pressed: {}, alarm: {}}
initial: idle
states:
  idle: {on: {button.pressed: busy, alarm: ‹busy¦fault›}}
  busy: {after: {3 s: idle}}
  fault: {after: {10 s: idle}}
"""),
    "dead-end": Example("""\
chart: example
events: {button.pressed: {}, alarm: {}}
initial: idle
states:
  idle: {on: {button.pressed: busy, alarm: fault}}
  busy: {after: {3 s: idle}}
  fault: {‹title: broken¦after: {10 s: idle}›}
"""),
    "shadowed-transition": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read:
        - ‹refused¦{target: welcome, when: event.uid == 'A1'}›
        - ‹{target: welcome, when: event.uid == 'A1'}¦refused›
  refused: {after: {3 s: idle}}
  welcome: {after: {3 s: idle}}
"""),
    "same-event-twice": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read:
        - {target: welcome‹¦, when: event.uid == 'A1'›}
        - {target: refused}
  refused: {after: {3 s: idle}}
  welcome: {after: {3 s: idle}}
"""),
    "left-at-once": Example("""\
chart: example
events: {card.read: {uid: text}}
settings: {greets: {type: flag, default: true}}
initial: idle
states:
  idle:
    tags: [safe]
    always: {target: greeting‹¦, when: settings.greets›}
    on: {card.read: greeting}
  greeting:
    entry: [{log: "greets ${settings.greets}"}]
    after: {3 s: done}
  done: {type: final}
"""),
    "constant-condition": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {when: ‹q('50 g') < q('1 kg')¦event.uid == 'A1'›, target: welcome}
  welcome: {after: {3 s: idle}}
"""),
    "eventless-cycle": Example("""\
chart: example
initial: filling
states:
  filling: {always: checking}
  checking: {‹always¦after›: ‹filling¦{1 s: filling}›}
"""),
    "final-goes-on": Example("""\
chart: example
initial: busy
states:
  busy: {after: {3 s: done}}
  done:
    type: final
    ‹after: {3 s: busy}¦›
"""),
    "history-with-content": Example("""\
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
      last: {type: history, default: first‹, entry: [{log: back again}]¦›}
  resting: {‹¦exit: [{log: back again}], ›on: {resume: last}}
"""),
    "targets-exclude": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle: {on: {button.pressed: {target: ‹[red, yellow]¦red›}}}
  red: {after: {3 s: yellow}}
  yellow: {after: {1 s: idle}}
"""),
    "cross-region-target": Example("""\
chart: example
events: {lamp.broken: {}}
initial: running
states:
  running:
    type: parallel
    states:
      lamp:
        initial: lit
        states:
          lit: {on: {lamp.broken: dark}}
          dark: {after: {10 s: ‹silent¦lit›}}
      horn:
        initial: silent
        states:
          silent: {on: {lamp.broken: sounding}}
          sounding: {after: {3 s: silent}}
"""),
    "done-never-happens": Example("""\
chart: example
initial: busy
states:
  busy:
    initial: first
    on: {done: resting}
    states:
      first: {after: {1 s: second}}
      second: {‹after: {1 s: first}¦type: final›}
  resting: {after: {3 s: busy}}
"""),
    "waits-forever": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      ‹on: {registered: known, unregistered: again, error: again}¦timeout: 10 s
      on: {registered: known, unregistered: again, error: again, timeout: again}›
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "waits-for-device": Example("""\
chart: example
events: {card.read: {uid: text}, weight.read: {value: mass}}
initial: idle
states:
  idle: {tags: [safe], on: {card.read: loading}}
  loading:
    on: {weight.read: {target: idle, when: event.value > q('1 kg')}}
    ‹¦after: {2 min: idle}
›"""),
    "timeout-never-fires": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      ‹¦timeout: 10 s
      ›on: {registered: known, unregistered: again, error: again, timeout: again}
    after: {1 min: again}
  again: {after: {2 s: asking}}
  known: {type: final}
"""),
    "unused-event": Example("""\
chart: example
events: {button.pressed: {}‹, button.held: {}¦›}
initial: idle
states:
  idle: {on: {button.pressed: busy}}
  busy: {after: {3 s: idle}}
"""),
    "unused-data": Example("""\
chart: example
events: {card.read: {uid: text}}
data: {uid: {type: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on: {card.read: {target: greeting, actions: [{assign: {uid: "${event.uid}"}}]}}
  greeting:
    entry: [{log: "hello‹¦ ${data.uid}›"}]
    after: {3 s: idle}
"""),
    "data-never-set": Example("""\
chart: example
events: {card.read: {uid: text}}
data: {uid: {type: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on: {card.read: {target: greeting‹¦, actions: [{assign: {uid: "${event.uid}"}}]›}}
  greeting:
    entry: [{log: "hello ${data.uid}"}]
    after: {3 s: idle}
"""),
    "unused-setting": Example("""\
chart: example
settings: {pause: {type: duration, default: 1 s}}
initial: idle
states:
  idle: {after: {‹1 s¦"${settings.pause}"›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "setting-without-default": Example("""\
chart: example
settings: {pause: {type: duration‹¦, default: 1 s›}}
initial: idle
states:
  idle: {after: {"${settings.pause}": busy}}
  busy: {after: {3 s: idle}}
"""),
    "unhandled-send": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy:
    entry: [{send: {to: upload, event: ‹record.comitted¦record.committed›}}]
    after: {3 s: idle}
"""),
    "unknown-field": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy:
    entry: [{send: {to: registration, event: gateway.unauthorized, with: {‹raeson¦reason›: asked}}}]
    after: {3 s: idle}
"""),
    "unknown-machine": Example(
        """\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy:
    entry: [{send: {to: ‹uplaod¦upload›, event: record.committed}}]
    after: {3 s: idle}
""",
        beside={"site.yaml": _SITE},
    ),
    "ignore-unreadable": Example("""\
chart: example
initial: busy
states:
  # engine: ignore ‹dead-end¦[dead-end]› somebody switches it off
  busy: {}
"""),
    "ignore-unknown": Example("""\
chart: example
initial: busy
states:
  # engine: ignore[‹deadend¦dead-end›] somebody switches it off
  busy: {}
"""),
    "ignore-impossible": Example("""\
chart: example
events: {button.pressed: {}}
initial: idle
states:
  idle: {on: {button.pressed: busy}}
  busy: {after: {‹3: idle}}  # engine: ignore[needs-unit] they are seconds¦3 s: idle}}›
"""),
    "ignore-needless": Example("""\
chart: example
initial: busy
states:
  ‹# engine: ignore[dead-end] somebody switches it off
  ¦›busy: {after: {3 s: done}}
  done: {type: final}
"""),
    "ignore-without-reason": Example("""\
chart: example
initial: busy
states:
  # engine: ignore[dead-end]‹¦ somebody switches it off›
  busy: {}
"""),
}
