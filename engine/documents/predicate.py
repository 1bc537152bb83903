"""Decide fast whether a value fits a JSON Schema; why it does not is jsonschema's business.

Nearly every document that is checked is valid, and jsonschema costs 0.2 s to import and 20 microseconds a value. The
keywords that our schemas use are compiled to plain functions here; a schema with any other keyword gets no predicate,
and jsonschema decides alone. The answers are jsonschema's (draft 2020-12, without format assertion), tested against
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from engine.errors import EngineError

Predicate: TypeAlias = "Callable[[Any], bool]"

_TYPES: Final[dict[str, Predicate]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
}
_ANNOTATIONS: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "$defs", "title", "description", "markdownDescription"),
        *("default", "examples", "deprecated", "format"),
        *("additionalProperties", "patternProperties", "then", "else"),  # read by another keyword
    },
)


class _UnsupportedError(EngineError):
    """The schema uses a keyword that is not compiled."""


def compile_predicate(schema: Mapping[str, Any]) -> Predicate | None:
    """A function that tells whether a value fits ``schema``; None when the schema needs jsonschema itself."""
    try:
        return _Compiler(schema).compile(schema)
    except _UnsupportedError:
        return None


def _always(_value: Any) -> bool:
    return True


def _never(_value: Any) -> bool:
    return False


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.references: dict[str, list[Predicate]] = {}

    def compile(self, schema: Any) -> Predicate:
        """The predicate of a schema, which may be true or false."""
        if isinstance(schema, bool):
            return _always if schema else _never
        checks: list[Predicate] = []
        if "properties" in schema or "additionalProperties" in schema or "patternProperties" in schema:
            checks.append(self.members(schema))
        for keyword, value in schema.items():
            if keyword in _ANNOTATIONS or keyword.startswith("x-") or keyword == "properties":
                continue
            compiler = _KEYWORDS.get(keyword)
            if compiler is None:
                raise _UnsupportedError(keyword)
            checks.append(compiler(self, value, schema))
        return _all(checks)

    def reference(self, target: str, _schema: Mapping[str, Any]) -> Predicate:
        """Schemas may refer to themselves: the predicate is looked up when it is first needed."""
        if target not in self.references:
            self.references[target] = []
            self.references[target].append(self.compile(self._resolve(target)))
        found = self.references[target]
        return found[0] if found else lambda value: found[0](value)  # noqa: PLW0108 - it is not there yet

    def _resolve(self, target: str) -> Mapping[str, Any] | bool:
        if not target.startswith("#"):
            raise _UnsupportedError(target)
        node: Any = self.root
        for step in target[1:].split("/")[1:]:
            if not isinstance(node, Mapping) or step not in node or "~" in step or "%" in step:
                raise _UnsupportedError(target)
            node = node[step]
        if not isinstance(node, Mapping | bool):
            raise _UnsupportedError(target)
        return node

    def members(self, schema: Mapping[str, Any]) -> Predicate:
        """``properties``, ``patternProperties`` and ``additionalProperties`` together, in one pass over the mapping."""
        named = {name: self.compile(sub) for name, sub in schema.get("properties", {}).items()}
        patterns = [(re.compile(p), self.compile(sub)) for p, sub in schema.get("patternProperties", {}).items()]
        rest = self.compile(schema.get("additionalProperties", True))

        def fits_plainly(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            return all(named.get(name, rest)(member) for name, member in value.items())

        def fits(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            for name, member in value.items():
                checks = [named[name]] if name in named else []
                checks += [check for pattern, check in patterns if pattern.search(name)]
                if not all(check(member) for check in checks or (rest,)):
                    return False
            return True

        return fits if patterns else fits_plainly

    def conditional(self, condition: Any, schema: Mapping[str, Any]) -> Predicate:
        test = self.compile(condition)
        then, otherwise = self.compile(schema.get("then", True)), self.compile(schema.get("else", True))
        return lambda value: then(value) if test(value) else otherwise(value)

    def one_of(self, schemas: list[Any], _schema: Mapping[str, Any]) -> Predicate:
        checks = [self.compile(sub) for sub in schemas]
        return lambda value: sum(check(value) for check in checks) == 1

    def any_of(self, schemas: list[Any], _schema: Mapping[str, Any]) -> Predicate:
        checks = [self.compile(sub) for sub in schemas]
        return lambda value: any(check(value) for check in checks)

    def all_of(self, schemas: list[Any], _schema: Mapping[str, Any]) -> Predicate:
        return _all([self.compile(sub) for sub in schemas])

    def negation(self, schema: Any, _schema: Mapping[str, Any]) -> Predicate:
        check = self.compile(schema)
        return lambda value: not check(value)

    def items(self, schema: Any, parent: Mapping[str, Any]) -> Predicate:
        check = self.compile(schema)
        skipped = len(parent.get("prefixItems", ()))
        return lambda value: not isinstance(value, list) or all(check(item) for item in value[skipped:])

    def prefix_items(self, schemas: list[Any], _schema: Mapping[str, Any]) -> Predicate:
        checks = [self.compile(sub) for sub in schemas]
        return lambda value: (
            not isinstance(value, list) or all(check(item) for check, item in zip(checks, value, strict=False))
        )

    def property_names(self, schema: Any, _schema: Mapping[str, Any]) -> Predicate:
        check = self.compile(schema)
        return lambda value: not isinstance(value, dict) or all(check(name) for name in value)


def _all(checks: list[Predicate]) -> Predicate:
    if not checks:
        return _always
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _type(names: str | list[str]) -> Predicate:
    checks = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
    return checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)


def _enum(allowed: list[Any]) -> Predicate:
    if not all(isinstance(one, str | int | Decimal | None) for one in allowed):
        raise _UnsupportedError("enum")  # equality of collections is jsonschema's own
    # True is not 1, as in JSON.
    pairs = {(isinstance(one, bool), one) for one in allowed}
    return lambda value: not isinstance(value, dict | list) and (isinstance(value, bool), value) in pairs


def _required(names: list[str]) -> Predicate:
    return lambda value: not isinstance(value, dict) or all(name in value for name in names)


def _dependent(needs: Mapping[str, list[str]]) -> Predicate:
    return lambda value: (
        not isinstance(value, dict)
        or all(other in value for name, others in needs.items() if name in value for other in others)
    )


def _pattern(pattern: str) -> Predicate:
    search = re.compile(pattern).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _unique(wanted: bool) -> Predicate:  # noqa: FBT001 - the value of a schema's keyword
    if not wanted:
        return _always

    def fits(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        if any(isinstance(item, dict | list) for item in value):
            return all(item not in value[:index] for index, item in enumerate(value))
        return len({(isinstance(item, bool), item) for item in value}) == len(value)

    return fits


def _bound(type_name: str, fits: Callable[[Any, Any], bool]) -> Callable[[Any], Predicate]:
    is_bounded = _TYPES[type_name]
    return lambda limit: lambda value: not is_bounded(value) or fits(value, limit)


_SIMPLE: Final[dict[str, Callable[[Any], Predicate]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "required": _required,
    "dependentRequired": _dependent,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minimum": _bound("number", lambda value, limit: value >= limit),
    "maximum": _bound("number", lambda value, limit: value <= limit),
    "exclusiveMinimum": _bound("number", lambda value, limit: value > limit),
    "exclusiveMaximum": _bound("number", lambda value, limit: value < limit),
    "minLength": _bound("string", lambda value, limit: len(value) >= limit),
    "maxLength": _bound("string", lambda value, limit: len(value) <= limit),
    "minItems": _bound("array", lambda value, limit: len(value) >= limit),
    "maxItems": _bound("array", lambda value, limit: len(value) <= limit),
    "minProperties": _bound("object", lambda value, limit: len(value) >= limit),
    "maxProperties": _bound("object", lambda value, limit: len(value) <= limit),
}


def _simple(make: Callable[[Any], Predicate]) -> Callable[[_Compiler, Any, Mapping[str, Any]], Predicate]:
    return lambda _compiler, value, _schema: make(value)


_KEYWORDS: Final[dict[str, Callable[[_Compiler, Any, Mapping[str, Any]], Predicate]]] = {
    **{keyword: _simple(make) for keyword, make in _SIMPLE.items()},
    "$ref": _Compiler.reference,
    "anyOf": _Compiler.any_of,
    "oneOf": _Compiler.one_of,
    "allOf": _Compiler.all_of,
    "not": _Compiler.negation,
    "if": _Compiler.conditional,
    "items": _Compiler.items,
    "prefixItems": _Compiler.prefix_items,
    "propertyNames": _Compiler.property_names,
}
