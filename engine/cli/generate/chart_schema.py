"""The schema of charts for editors: its shape, kept by hand, with every guard, action and service filled in.

``engine validate`` does not use it: it checks the shape alone and says about names itself what was probably meant.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Final

from engine.bindings.registry import ActionSpec, GuardSpec, Help, Parameter, Parameters, Payload, Registry, ServiceSpec
from engine.bindings.types import ValueType
from engine.chart.builtin import BUILT_IN_ACTIONS
from schemas import load_schema

Schema = dict[str, Any]

_EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
_NUMBER: Final = r"^\s*[+]?[0-9]+(\.[0-9]+)?\s*"
_LITERALS: Final[Mapping[str, Schema]] = {
    "flag": {"type": "boolean"},
    "int": {"type": "integer"},
    "number": {"type": "number"},
    "duration": {"type": "string", "pattern": rf"{_NUMBER}(ms|s|min|h|d)\s*$", "examples": ["30 s"]},
    "mass": {"type": "string", "pattern": rf"{_NUMBER}(kg|g|t|mg|lb|oz|ct)\s*$", "examples": ["50 g"]},
    "list": {"type": "array"},
    "map": {"type": "object"},
}


def chart_schema(registry: Registry) -> Schema:
    """The schema, draft 2020-12."""
    schema: Schema = copy.deepcopy(load_schema("chart-structure"))
    schema["$id"] = "chart.schema.json"
    schema["$comment"] = "Made by 'engine schema chart --write' of chart-structure.schema.json and what is registered."
    definitions = schema["$defs"]
    definitions["expression"] = {
        "title": "Expression · 식",
        "description": "${...}: data.NAME, settings.NAME, event.NAME, comparisons, arithmetic and a few functions.",
        "type": "string",
        "pattern": r"\$\{",
    }
    definitions["guard"] = _guards(registry)
    definitions["actions"]["items"] = _actions(registry)
    _fill_invoke(definitions["invoke"], registry)
    _allow_patches(schema)
    return schema


def chart_schema_text(registry: Registry) -> str:
    """The schema as it stands in its file."""
    return json.dumps(chart_schema(registry), ensure_ascii=False, indent=2) + "\n"


def said(text: Help) -> str:
    """A help text in both languages, as editors show it."""
    return " · ".join(part for part in (text.en, text.ko) if part)


# Guards, actions, services -----------------------------------------------------------------------------------------


def _guards(registry: Registry) -> Schema:
    inner: Schema = {"$ref": "#/$defs/guard"}
    several: Schema = {"type": "array", "minItems": 1, "items": inner}
    return _named(
        registry.guards,
        {
            "all": {"description": "Every one of these holds · 모두 맞을 때", **several},
            "any": {"description": "One of these holds · 하나라도 맞을 때", **several},
            "not": {"description": "This does not hold · 맞지 않을 때", **inner},
            "when": {"description": "An expression · 식", "type": ["string", "boolean"]},
        },
    )


def _actions(registry: Registry) -> Schema:
    branch: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["actions"],
        "properties": {
            "when": {"type": ["string", "boolean"]},
            "guard": {"$ref": "#/$defs/guard"},
            "actions": {"$ref": "#/$defs/actions"},
        },
    }
    special: dict[str, Schema] = {
        "assign": {"type": "object", "minProperties": 1},
        "choose": {"type": "array", "minItems": 1, "items": branch},
    }
    for name, schema in special.items():
        schema["description"] = said(BUILT_IN_ACTIONS[name].help)
    return _named({**BUILT_IN_ACTIONS, **registry.actions}, special)


def _named(specs: Mapping[str, GuardSpec] | Mapping[str, ActionSpec], special: Mapping[str, Schema]) -> Schema:
    """A name alone, where nothing has to be given, or one name with its arguments."""
    bare = [
        {"const": name, "description": said(spec.help)}
        for name, spec in specs.items()
        if name not in special and not any(p.is_required for p in spec.parameters.values())
    ]
    full = {name: _arguments(spec.parameters, said(spec.help)) for name, spec in specs.items() if name not in special}
    mapping: Schema = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {**special, **full},
    }
    return {"anyOf": [*bare, mapping]}


def _arguments(parameters: Parameters, description: str) -> Schema:
    """All arguments by name; or, as a bare value, the first one when the others need not be given."""
    by_name: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, parameter in parameters.items() if parameter.is_required],
        "properties": {name: _argument(parameter) for name, parameter in parameters.items()},
    }
    first, *others = parameters.values() if parameters else (None,)
    if first is None:
        return {"description": description, "type": ["object", "null"], "maxProperties": 0}
    if any(other.is_required for other in others):
        return {"description": description, **by_name}
    alone = {**_argument(first), "not": {"type": "object"}} if first.type.name == "any" else _argument(first)
    return {"description": description, "anyOf": [alone, by_name]}


def _argument(parameter: Parameter) -> Schema:
    schema: Schema = {"description": f"{said(parameter.help)} ({parameter.type})".strip()}
    if not parameter.is_required:
        schema["description"] += "" if parameter.default is None else f" [{_shown(parameter)}]"
    return {**schema, **_value(parameter.type)}


def _shown(parameter: Parameter) -> str:
    """A default value as a chart would write it."""
    value = parameter.default
    if parameter.type.name == "duration" and isinstance(value, int | float):
        return f"{value:g} s"
    return json.dumps(value, ensure_ascii=False, default=str)


def _value(type_: ValueType) -> Schema:
    if type_.name == "any":
        return {}
    if type_.choices:
        return {"anyOf": [{"enum": list(type_.choices)}, _EXPRESSION]}
    literal = _LITERALS.get(type_.name)
    return {"type": "string"} if literal is None else {"anyOf": [literal, _EXPRESSION]}


def _fill_invoke(invoke: Schema, registry: Registry) -> None:
    """Name the services; what each takes and answers depends on which is named."""
    service = invoke["properties"]["service"]
    service["anyOf"] = [{"const": name, "description": said(spec.help)} for name, spec in registry.services.items()]
    invoke["allOf"] = [_if_service(spec) for spec in registry.services.values()]


def _if_service(spec: ServiceSpec) -> Schema:
    given: Schema = {
        "additionalProperties": False,
        "required": [name for name, parameter in spec.parameters.items() if parameter.is_required],
        "properties": {name: _argument(parameter) for name, parameter in spec.parameters.items()},
    }
    answered: Schema = {
        "additionalProperties": False,
        "properties": {name: _outcome(payload, spec.only_with.get(name)) for name, payload in spec.outcomes.items()},
    }
    then: Schema = {"properties": {"with": given, "on": answered}}
    if given["required"]:
        then["required"] = ["with"]
    return {"if": {"required": ["service"], "properties": {"service": {"const": spec.name}}}, "then": then}


def _outcome(payload: Payload, condition: str | None) -> Schema:
    fields = ", ".join(f"event.{name} ({type_})" for name, type_ in payload.items())
    description = f"With {fields}" if fields else "With nothing more"
    if condition is not None:
        description += f"; only if '{condition}' is given"
    return {"description": description, "$ref": "#/$defs/transitions"}


# Charts that extend others -----------------------------------------------------------------------------------------


def _allow_patches(schema: Schema) -> None:
    """A chart that extends another gives only what differs: null deletes, and transitions may stand before others."""
    schema["anyOf"] = [{"required": ["extends"]}, {"required": schema.pop("required")}]
    definitions = schema["$defs"]
    for name in ("transitions", "declaration"):
        definitions[name] = {"anyOf": [definitions[name], {"type": "null"}]}
    event = schema["properties"]["events"]["additionalProperties"]
    event["type"] = ["object", "null"]
    places = definitions["transition"]["properties"]
    places["before"] = {"title": "Of a patch: stands before the transition with this id", "type": "string"}
    places["after"] = {"title": "Of a patch: stands after the transition with this id", "type": "string"}
