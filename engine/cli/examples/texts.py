"""Examples of files that cannot be read as YAML, or only in part."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import Example

_REST: Final = """\
states:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""


def _chart(lines: str) -> Example:
    """A chart whose states are sound."""
    return Example(f"chart: example\ninitial: idle\n{lines}{_REST}")


EXAMPLES: Final[dict[str, Example]] = {
    "duplicate-key": _chart("title: one\n‹title: two\n¦›"),
    "several-documents": _chart("‹---\n¦›title: one\n"),
    "tag-not-used": _chart("title: ‹!!str ¦›one\n"),
    "number-out-of-range": _chart('settings: {} # none\nversion: ‹.inf¦"1"›\n'),
    "unknown-alias": _chart('title: ‹*one¦"*one"›\n'),
    "alias-inside-itself": Example("""\
chart: example
initial: idle
states: ‹&all¦›
  idle: {after: {1 s: busy}}
  busy: ‹*all¦{after: {3 s: idle}}›
"""),
    "merge-not-a-map": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy:
    ‹<<: idle¦after: {3 s: idle}›
"""),
    "empty-key": _chart("‹: one¦title: one›\n"),
    "key-not-text": _chart("‹[title]¦title›: one\n"),
    "yaml-tab": Example("""\
chart: example
initial: idle
states:
‹\t¦  ›idle: {after: {1 s: busy}}
‹\t¦  ›busy: {after: {3 s: idle}}
"""),
    "yaml-indentation": Example("""\
chart: example
initial: idle
states:
  idle:
    title: nothing to do
  ‹ ¦  ›after: {1 s: busy}
  busy: {after: {3 s: idle}}
"""),
    "yaml-colon-in-value": _chart('title: ‹dock 3: scale¦"dock 3: scale"›\n'),
    "yaml-missing-colon": _chart("‹title¦title:› one\n"),
    "yaml-unclosed-quote": _chart('title: "one‹¦"›\n'),
    "yaml-unclosed-bracket": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}‹¦}›
"""),
    "yaml-bracket": Example("""\
chart: example
initial: idle
states:
  idle: {tags: [safe‹}¦]›, after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
    "yaml-extra-bracket": Example("""\
chart: example
initial: idle
states:
  idle: {after: {1 s: busy}}‹}¦›
  busy: {after: {3 s: idle}}
"""),
    "yaml-reserved-character": _chart('title: ‹@dock¦"@dock"›\n'),
    "yaml-dollar": Example("""\
chart: example
settings: {pause: {type: duration, default: 1 s}}
initial: idle
states:
  idle: {after: {‹${settings.pause}¦"${settings.pause}"›: busy}}
  busy: {after: {3 s: idle}}
"""),
    "yaml-escape": _chart("title: ‹\"dock\\3\"¦'dock\\3'›\n"),
    "yaml-after-value": _chart('title: "dock" ‹three¦# three›\n'),
    "yaml-dash": _chart("title: ‹- one¦one›\n"),
    "yaml-value-expected": Example("""\
chart: example
initial: idle
states:
  idle: {tags: [safe,‹, ¦ ›ready], after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
    "control-character": _chart("title: one‹\x07¦›\n"),
    "empty-document": Example("""\
‹# to be written¦chart: example
initial: done
states:
  done: {type: final}›
"""),
    "unknown-document": Example("""\
‹stats¦chart: example
initial: idle
states›:
  idle: {after: {1 s: busy}}
  busy: {after: {3 s: idle}}
"""),
}
