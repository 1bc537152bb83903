"""The texts of a picture: what a chart wrote, shortened to what a reader needs, with the settings' values beside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from engine.chart.model import BoundAction, Declaration
from engine.render.measure import shorten

_SETTING: Final = re.compile(r"\bsettings\.([A-Za-z]\w*)")
_QUOTED: Final = re.compile(r"\bq\('([^']*)'\)")
_EXPANDED: Final = re.compile(r"\bdata\['[^']*/(\w+)'\]")  # what a retry counts with
_TEMPLATE: Final = re.compile(r"\$\{([^{}]*)\}")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"))
_LOG_COLUMNS: Final = 30
_VALUE_COLUMNS: Final = 40

Settings = Mapping[str, str]
"""Name of a setting -> its value as a picture shows it."""


def setting_values(settings: Mapping[str, Declaration]) -> dict[str, str]:
    """The default of every setting that has one; a secret's is not shown."""
    return {name: value_text(declared) for name, declared in settings.items() if declared.default is not None}


def value_text(declared: Declaration) -> str:
    """A declared default as the chart would write it."""
    value = declared.default
    if declared.type.name == "secret":
        return "…"
    if declared.type.name == "duration" and isinstance(value, float | int):
        return duration_text(float(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def duration_text(seconds: float) -> str:
    """``100 ms``, ``60 s``, ``5 min``, ``1 h``: the largest unit that gives a whole number, but no single minute."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0 and (seconds > size or size > 60):  # noqa: PLR2004 - 60 s, not 1 min
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:g} ms"


def expression(text: object, settings: Settings) -> str:
    """An expression or a value: ``${x}`` alone is x, ``q('0 s')`` is 0 s, and settings have their values beside."""
    written = text if isinstance(text, str) else _scalar(text)
    plain = _TEMPLATE.fullmatch(written)
    bare = _EXPANDED.sub(r"data.\1", _QUOTED.sub(r"\1", plain[1] if plain else written))
    return _SETTING.sub(lambda found: _valued(found, settings), bare)


def _valued(found: re.Match[str], settings: Settings) -> str:
    value = settings.get(found[1])
    return found[0] if value is None else f"{found[0]} ({value})"


def delay(text: str, settings: Settings) -> tuple[str, str]:
    """A time and a note: ``${settings.wait}`` is ``30 s`` noted ``settings.wait``; other expressions are all note."""
    alone = re.fullmatch(r"\$\{\s*settings\.([A-Za-z]\w*)\s*\}", text.strip())
    if alone is not None and alone[1] in settings:
        return settings[alone[1]], f"settings.{alone[1]}"
    written = expression(text.strip(), settings)
    return ("", written) if "${" in text else (written, "")


def guard_text(text: str, settings: Settings) -> str:
    """A guard as one claim: named ones as calls, ``all``, ``any`` and ``not`` as words."""
    start = text.find('{"')
    if start < 0:
        return expression(text, settings)
    try:
        named = json.loads(text[start:])
    except ValueError:
        return expression(text, settings)
    return expression(text[:start], settings) + _claim(named, settings)


def _claim(raw: Any, settings: Settings) -> str:
    if not isinstance(raw, dict) or len(raw) != 1:
        return expression(raw, settings)
    name, inner = next(iter(raw.items()))
    match name, inner:
        case "when", _:
            return expression(inner, settings)
        case "not", _:
            return f"not {_claim(inner, settings)}"
        case (("all" | "any"), list()):
            word = " and " if name == "all" else " or "
            return f"({word.join(_claim(item, settings) for item in inner)})"
    return _call(name, inner, settings)


def action_text(action: BoundAction, settings: Settings) -> str:
    """An action in short: ``uid := event.uid``, ``send record.committed → upload``, ``signal.show saved``."""
    name, _, rest = action.text.partition(" ")
    return _action(name, _parsed(rest), settings)


def whole_action(action: BoundAction, settings: Settings) -> str:
    """An action with nothing left out."""
    name, _, rest = action.text.partition(" ")
    return f"{name} {_spelled(_parsed(rest), settings)}".strip()


def _parsed(rest: str) -> Any:
    if rest[:1] in {"{", "["}:
        try:
            return json.loads(rest)
        except ValueError:
            pass
    return rest or None


def _action(name: str, args: Any, settings: Settings) -> str:
    match name, args:
        case "assign", dict():
            return "; ".join(f"{key.rpartition('/')[2]} := {_short(value, settings)}" for key, value in args.items())
        case "log", _:
            message = args.get("message", "") if isinstance(args, dict) else args
            return f"log “{shorten(str(message), _LOG_COLUMNS)}”"
        case (("send" | "raise"), dict()):
            return _sent(name, args, settings)
        case "cancel", dict():
            return f"cancel {args.get('id', '')}"
        case "choose", list():
            return _branches(args, settings)
    return _call(name, args, settings)


def _sent(name: str, args: dict[str, Any], settings: Settings) -> str:
    to = args.get("to", "self")
    receiver = "" if name == "raise" or to == "self" else f" → {to}"
    later = f" in {_short(args['delay'], settings)}" if args.get("delay") is not None else ""
    return f"{name} {args.get('event', '')}{receiver}{later}"


def _branches(branches: list[Any], settings: Settings) -> str:
    """``choose`` as if ... else: one action each is shown, more are dots."""
    shown: list[str] = []
    for branch in branches:
        if not isinstance(branch, dict):
            continue
        conditions = [expression(branch["when"], settings)] if "when" in branch else []
        conditions += [_claim(branch["guard"], settings)] if "guard" in branch else []
        does = ", ".join(_raw_action(item, settings) for item in branch.get("actions", []))
        shown.append(f"if {' and '.join(conditions)}: {does}" if conditions else f"else: {does}")
    return "; ".join(shown)


def _raw_action(item: Any, settings: Settings) -> str:
    if isinstance(item, dict) and len(item) == 1:
        name, args = next(iter(item.items()))
        return _action(name, args, settings)
    return str(item)


def _call(name: str, args: Any, settings: Settings) -> str:
    if args is None:
        return name
    if isinstance(args, dict):
        return f"{name}({', '.join(f'{key} {_short(value, settings)}' for key, value in args.items())})"
    return f"{name} {_short(args, settings)}"


def _short(value: Any, settings: Settings) -> str:
    if isinstance(value, dict | list):
        return shorten(_spelled(value, settings), _VALUE_COLUMNS)
    return shorten(expression(value, settings), _VALUE_COLUMNS)


def _spelled(value: Any, settings: Settings) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_spelled(item, settings)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_spelled(item, settings) for item in value) + "]"
    return "" if value is None else expression(value, settings)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
