"""Examples of values of a wrong type or unit, and of expressions."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import Example

EXAMPLES: Final[dict[str, Example]] = {
    "needs-unit": Example("""\
chart: example
initial: idle
states:
  idle: {after: {‹30¦30 s›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "unknown-unit": Example("""\
chart: example
initial: idle
states:
  idle: {after: {‹30 sec¦30 s›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "negative-quantity": Example("""\
chart: example
initial: idle
states:
  idle: {after: {‹-30 s¦30 s›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "wrong-form": Example("""\
chart: example
initial: idle
states:
  idle: {after: {‹half a minute¦30 s›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "wrong-type": Example("""\
chart: example
data: {count: {type: int, default: ‹many¦0›}}
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy:
    entry: [{assign: {count: "${data.count + 1}"}}]
    after: {3 s: idle}
"""),
    "wrong-value": Example("""\
chart: example
initial: idle
states:
  idle:
    entry: [{signal.show: ‹save¦saved›}]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "needs-quotes": Example("""\
chart: example
version: ‹1.0¦"1.0"›
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
    "out-of-range": Example("""\
chart: example
settings:
  pause: {type: duration, default: ‹10 ms¦500 ms›, min: 100 ms}
initial: idle
states:
  idle: {after: {"${settings.pause}": busy}}
  busy: {after: {3 s: idle}}
"""),
    "no-range": Example("""\
chart: example
settings:
  greeting: {type: text, default: hello‹, max: 10¦›}
initial: idle
states:
  idle:
    entry: [{log: "${settings.greeting}"}]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "too-short": Example("""\
chart: example
initial: idle
states:
  idle: {after: ‹{}¦{1 s: busy}›}
  busy: {after: {3 s: idle}}
"""),
    "too-small": Example("""\
chart: example
initial: asking
states:
  asking:
    invoke:
      service: store.load_gateway
      retry: {times: ‹0¦3›, first: 2 s}
      timeout: 10 s
      on: {registered: known, unregistered: known, error: known, timeout: known}
  known: {type: final}
"""),
    "too-long": Example("""\
chart: example
initial: idle
states:
  idle:
    entry: [{log: hello‹, signal.show: saved}¦}, {signal.show: saved}›]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "unknown-name": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {actions: [{log: "card ${event.‹uit¦uid›}"}]}
"""),
    "unknown-function": Example("""\
chart: example
data: {count: {type: int, default: 0}}
initial: idle
states:
  idle:
    entry: [{assign: {count: "${‹maximum¦max›(data.count, 1)}"}}]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "wrong-arguments": Example("""\
chart: example
data: {count: {type: int, default: 0}}
initial: idle
states:
  idle:
    entry: [{assign: {count: "${abs(data.count‹, 1¦›)}"}}]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "type-mismatch": Example("""\
chart: example
events: {weight.read: {value: mass}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      weight.read: {when: event.value > ‹50¦q('50 g')›, target: loaded}
  loaded: {after: {3 s: idle}}
"""),
    "when-not-flag": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {when: event.uid‹¦ != ''›, target: greeting}
  greeting: {after: {3 s: idle}}
"""),
    "not-allowed": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {when: event.uid ‹is not¦!=› None, target: greeting}
  greeting: {after: {3 s: idle}}
"""),
    "expression-syntax": Example("""\
chart: example
events: {card.read: {uid: text}}
initial: idle
states:
  idle:
    tags: [safe]
    on:
      card.read: {when: event.uid ‹=¦==› 'A1', target: greeting}
  greeting: {after: {3 s: idle}}
"""),
    "expression-fails": Example("""\
chart: example
data: {share: {type: number}}
initial: idle
states:
  idle:
    entry: [{assign: {share: "${1 / ‹0¦2›}"}}, {log: "${data.share}"}]
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "expression-too-deep": Example(f"""\
chart: example
data: {{odd: {{type: flag, default: true}}}}
initial: idle
states:
  idle:
    always: {{when: ‹{"not " * 60}¦not ›data.odd, target: busy}}
    after: {{1 s: busy}}
  busy:
    entry: [{{assign: {{odd: "${{not data.odd}}"}}}}]
    after: {{3 s: idle}}
"""),
    "secret-in-log": Example("""\
chart: example
settings: {password: {type: secret, default: changeme}}
initial: idle
states:
  idle:
    entry: [{log: "‹logging in with ${settings.password}¦logging in›"}]
    always: {when: settings.password != '', target: busy}
    after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
}
