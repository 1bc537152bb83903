"""Examples of what can be wrong with a protocol profile."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import CHART, SITE, Example

_HEAD: Final = "protocol: my-scale\ntitle: The scale at the gate\n"
_LINE: Final = 'frame: {end: "\\r\\n"}\n'
_GOLDEN: Final = 'golden:\n  - {frame: "ST+012.34kg\\r\\n", value: 12.34, unit: kg, stable: true}\n'
_FIELDS: Final = """\
shapes:
  - length: 13
    fields:
      status: {at: 1-2, codes: {ST: stable, US: motion}}
      value: {at: 3-9}
      unit: {at: 10-11}
"""


def _profile(shapes: str, golden: str = _GOLDEN, frame: str = _LINE, units: str = "units: [kg, g]\n") -> Example:
    return Example(_HEAD + frame + units + shapes + golden)


def _changed(old: str, new: str) -> Example:
    whole = _HEAD + _LINE + "units: [kg, g]\n" + _FIELDS + _GOLDEN
    assert whole.count(old) == 1, old
    return Example(whole.replace(old, new), CHART)


def _pattern(pattern: str) -> Example:
    fields = "    fields: {status: {codes: {ST: stable, US: motion}}, value: {}, unit: {}}\n"
    return _profile(f"shapes:\n  - length: 8-16\n    pattern: '{pattern}'\n{fields}")


_UNIT: Final = "(?P<unit>[a-z]+)"
_CHECKED: Final = """\
protocol: my-scale
title: The scale at the gate
frame: {start: "\\x02", end: "\\x03"}
shapes:
  - length: 10
    fields: {value: {at: 2-7}}
    checksum: {kind: xor, at: ‹8¦8-9›, over: 2-7}
golden:
  - {frame: "\\x02012.341A\\x03", value: 12.34}
"""

EXAMPLES: Final[dict[str, Example]] = {
    "profile-pattern-refused": _pattern(f"(?P<status>ST|US)‹(?=[+-])¦›(?P<value>[+-][0-9.]+){_UNIT}"),
    "profile-group-missing": _pattern(f"(?P<status>ST|US)(?P<‹weight¦value›>[+-][0-9.]+){_UNIT}"),
    "profile-group-unused": _pattern(f"‹(?P<head>¦(?:›Q?)(?P<status>ST|US)(?P<value>[+-][0-9.]+){_UNIT}"),
    "profile-pattern-without-end": _profile(
        "shapes:\n  - length: 13\n‹    pattern: '(?P<value>[0-9.]+)'\n    fields: {value: {}}\n"
        '¦    says: stable\n    fields: {value: {at: 3-9}, unit: {at: 10-11}}\n    text: {12: "\\r\\n"}\n›',
        frame='frame: {start: "ST"}\n',
    ),
    "profile-place-in-pattern": _profile(
        "shapes:\n  - length: 8-16\n"
        f"    pattern: '(?P<status>ST|US)(?P<value>[+-][0-9.]+){_UNIT}'\n"
        "    fields: {status: {codes: {ST: stable, US: motion}}, value: {‹at: 3-9¦›}, unit: {}}\n"
    ),
    "profile-pattern-only": _changed("US: motion}}", "US: motion}‹, absent: []¦›}"),
    "profile-unit-sent": _changed("  - length: 13", "  - ‹unit: kg\n    ¦›length: 13"),
    "profile-length-varies": _changed("length: 13", "length: ‹12-13¦13›"),
    "profile-out-of-frame": _changed("at: 3-9", "at: 3-‹90¦9›"),
    "profile-overlap": _changed("at: 3-9", "at: ‹2¦3›-9"),
    "profile-code-width": _changed("{ST: stable", "{‹S¦ST›: stable"),
    "profile-bits-width": _profile(
        "shapes:\n  - length: 6\n    fields: {value: {at: 1-3}, decimals: {at: ‹3-4¦4›}}\n",
        'golden:\n  - {frame: "1232\\r\\n", value: 1.23}\n',
        units="",
    ),
    "profile-field-without-meaning": _changed(
        ", codes: {ST: stable, US: motion}", "‹¦, codes: {ST: stable, US: motion}›"
    ),
    "profile-field-needed": _changed("value: {at: 3-9}", "‹# ¦›value: {at: 3-9}"),
    "profile-field-of-other-kind": _changed("unit: {at: 10-11}", "‹uid¦unit›: {at: 10-11}"),
    "profile-units-needed": _changed("units: [kg, g]", "‹# ¦›units: [kg, g]"),
    "profile-unit-twice": _changed("units: [kg, g]", "units: {kg: kg, g: ‹kg¦[g, G]›}"),
    "profile-unit-width": _changed("units: [kg, g]", "units: {kg: [kg‹, kilo¦›], g: g}"),
    "profile-checksum-width": Example(_CHECKED),
    "profile-trusted-length": _changed('{end: "\\r\\n"}', '{end: "\\r\\n", trusted: [‹31¦13›]}'),
    "profile-unframed": _changed('{end: "\\r\\n"}', '{‹seven_bit: true¦end: "\\r\\n"›}'),
    "profile-not-a-byte": _changed("codes: {ST", "codes: {‹무게: stable, ¦›ST"),
    "profile-not-hex": _changed('frame: "ST+012.34kg\\r\\n"', "hex: ‹5¦53›54 2b3031322e3334 6b67 0d0a"),
    "profile-not-a-number": _changed("value: 12.34", "value: ‹'12,34'¦12.34›"),
    "profile-golden-differs": _changed("value: 12.34", "value: ‹12.35¦12.34›"),
    "profile-golden-length": _changed("+012.34kg", "+012.34‹ ¦›kg"),
    "profile-golden-byte": _changed("ST+012.34kg", "S‹X¦T›+012.34kg"),
    "profile-golden-checksum": Example(_CHECKED.replace("‹8¦8-9›", "8-9").replace("341A", "34‹2B¦1A›")),
    "profile-golden-contradicts": _changed(
        "unit: kg, stable: true}\n",
        "unit: kg, stable: true}\n"
        '  - {frame: "ST+012.34kg\\r\\n", ‹refused: true¦value: 12.34, unit: kg, stable: true›}\n',
    ),
    "protocol-name-taken": Example(
        f"protocol: ‹cas-22¦my-scale›\n{(_HEAD + _LINE).partition(chr(10))[2]}units: [kg, g]\n{_FIELDS}{_GOLDEN}",
        CHART,
        beside={
            SITE: 'server: {url: "http://127.0.0.1:8000"}\nlines:\n  - name: dock-1\n'
            "    devices: {scale: {port: COM3, protocol: cas-22}}\n"
        },
    ),
}
