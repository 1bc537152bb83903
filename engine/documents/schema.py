"""Check a document against a JSON Schema (draft 2020-12) and say every error as a sentence at its place.

A schema may carry ``x-type`` beside its keywords: one of the quantities of :mod:`engine.documents.quantities`, or
another word of the catalogue. A value that does not fit such a schema is then told what it should have been, not
which pattern failed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.documents.predicate import Predicate, compile_predicate
from engine.documents.quantities import KINDS, found, quantity_problem
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document, Map, Value
from engine.errors import Diagnostic, Position

NOTHING: Final[Mapping[str, Any]] = {"not": {}}  # a schema that nothing fits; as an alternative it is not spoken of

_WORD_OF_TYPE: Final = {
    "object": "map",
    "array": "list",
    "string": "text",
    "integer": "int",
    "number": "number",
    "boolean": "flag",
    "null": "nothing",
}
_SHAPE_KEYWORDS: Final = frozenset({"type", "pattern", "anyOf", "oneOf", "enum", "const", "minLength"})


def check(document: Document, schema: Mapping[str, Any]) -> list[Diagnostic]:
    """Everything that is wrong with the document: what was noted when it was read, then the schema's errors."""
    compiled = _compiled(schema)
    problems = list(document.problems)
    if compiled.fits is None or not compiled.fits(document.data):
        problems += _Translator(document).translate(compiled.errors(document.data))
    return problems


class _CompiledSchema:
    """A schema with its fast predicate, and jsonschema's validator once that is needed."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.fits: Predicate | None = compile_predicate(schema)
        self._iter_errors: Callable[[Any], Iterable[Any]] | None = None

    def errors(self, data: Value) -> Iterable[Any]:
        if self._iter_errors is None:
            from jsonschema import Draft202012Validator  # costs 0.2 s: only when something is wrong

            self._iter_errors = Draft202012Validator(self.schema).iter_errors
        return self._iter_errors(data)


_CACHE_SIZE: Final = 16
_cache: dict[int, _CompiledSchema] = {}  # by identity; the entry keeps the schema, so its id stays its own


def _compiled(schema: Mapping[str, Any]) -> _CompiledSchema:
    compiled = _cache.get(id(schema))
    if compiled is None:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        compiled = _cache[id(schema)] = _CompiledSchema(schema)
    return compiled


class _Translator:
    """Turns the errors of one document into diagnostics."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.meant: set[tuple[int, str]] = set()  # (mapping, key) pairs that a misspelt key was guessed to mean
        self.missing: list[tuple[int, Diagnostic]] = []

    def translate(self, errors: Iterable[Any]) -> list[Diagnostic]:
        """All findings, each once, ordered by place. A key that is there but misspelt is not called missing as well."""
        findings = [finding for error in errors for finding in self.explain(error)]
        findings += [finding for owner, finding in self.missing if (owner, finding.params["key"]) not in self.meant]
        unique = {(f.position, f.code, repr(sorted(f.params.items(), key=str))): f for f in findings}
        return [unique[key] for key in sorted(unique)]

    def explain(self, error: Any, known_keys: Iterable[str] = ()) -> Iterator[Diagnostic]:
        """The findings of one jsonschema error; ``known_keys`` are those of the alternatives beside its schema."""
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        if "x-type" in schema and error.validator in _SHAPE_KEYWORDS:
            yield self._wrong_shape(schema["x-type"], error)
        elif error.validator == "additionalProperties":
            yield from self._unknown_keys(error, known_keys)
        else:
            explain = _EXPLAINERS.get(error.validator or "false")
            if explain is None:
                yield self._at(error, "schema-mismatch", detail=error.message.partition("\n")[0])
            else:
                yield from explain(self, error)

    def _at(self, error: Any, code: str, **params: object) -> Diagnostic:
        return Diagnostic(code, self.document.position(error.absolute_path), params)

    def _wrong_shape(self, kind: str, error: Any) -> Diagnostic:
        position = self.document.position(error.absolute_path)
        if kind in KINDS:
            problem = quantity_problem(kind, error.instance, position)
            if problem is not None:
                return problem
        if isinstance(error.instance, str):
            return Diagnostic("wrong-form", position, {"value": error.instance, "expected": kind})
        return Diagnostic("wrong-type", position, {"expected": kind, "found": found(error.instance)})

    def _unknown_keys(self, error: Any, known_keys: Iterable[str]) -> Iterator[Diagnostic]:
        from re import search

        known = sorted({*error.schema.get("properties", {}), *known_keys})
        patterns = error.schema.get("patternProperties", {})
        for key in error.instance:
            if key in known or any(search(pattern, key) for pattern in patterns):
                continue
            position = self._key_position(error, key)
            head, colon, _ = key.partition(":")
            if colon and head in known:
                self.meant.add((id(error.instance), head))
                yield Diagnostic("missing-space", position, {"key": head})
                continue
            guess = did_you_mean(key, (name for name in known if name not in error.instance))
            if guess is not None:
                self.meant.add((id(error.instance), guess))
            yield Diagnostic("unknown-key", position, {"key": key, "allowed": known, "guess": guess})

    def _key_position(self, error: Any, key: str) -> Position:
        if isinstance(error.instance, Map):
            return error.instance.key_at(key)
        return self.document.key_position([*error.absolute_path, key])

    def missing_keys(self, error: Any) -> Iterator[Diagnostic]:
        """Kept back until all misspelt keys are known."""
        position = self.document.key_position(error.absolute_path)
        for key in error.validator_value:
            if key not in error.instance:
                self.missing.append((id(error.instance), Diagnostic("missing-key", position, {"key": key})))
        return iter(())

    def wrong_type(self, error: Any) -> Iterator[Diagnostic]:
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        yield self._wrong_type(error, [_WORD_OF_TYPE[name] for name in wanted])

    def _wrong_type(self, error: Any, words: Iterable[str]) -> Diagnostic:
        expected = tuple(dict.fromkeys(words))
        if expected == ("text",) and isinstance(error.instance, int | Decimal):
            return self._at(error, "needs-quotes", found=found(error.instance))
        if len(expected) > 1:
            expected = tuple(word for word in expected if word != "nothing")  # it may be left out: not worth a word
        return self._at(error, "wrong-type", expected=expected, found=found(error.instance))

    def wrong_value(self, error: Any) -> Iterator[Diagnostic]:
        values = error.validator_value if error.validator == "enum" else [error.validator_value]
        yield self._wrong_value(error, values)

    def _wrong_value(self, error: Any, values: Iterable[Any]) -> Diagnostic:
        allowed = tuple(dict.fromkeys(_as_written(value) for value in values))
        if isinstance(error.instance, dict | list):
            return self._at(error, "wrong-type", expected=("text",), found=found(error.instance))
        value = _as_written(error.instance)
        guess = did_you_mean(value, allowed)
        return self._at(error, "wrong-value", value=value, allowed=allowed, guess=guess)

    def alternatives(self, error: Any) -> Iterator[Diagnostic]:
        """``anyOf`` and ``oneOf``: tell what is wrong with the alternative that was most likely meant."""
        if not error.context:
            yield self._at(error, "ambiguous")
            return
        branches: dict[int, list[Any]] = defaultdict(list)
        for inner in error.context:
            if inner.relative_schema_path:  # jsonschema gives none for an alternative that is just ``false``
                branches[inner.relative_schema_path[0]].append(inner)
        possible = [errors for errors in branches.values() if not any(_takes_nothing(inner) for inner in errors)]
        fitting = [errors for errors in possible if not any(_is_another_kind(inner) for inner in errors)]
        if not fitting:
            yield from self._another_kind(error, possible)
            return
        nearest = min(map(_distance, fitting))
        best, *others = [errors for errors in fitting if _distance(errors) == nearest]
        if others and any(inner.validator == "additionalProperties" for inner in best):
            # Several are equally near: only the key that none of them knows is certainly wrong.
            best = [inner for inner in best if inner.validator != "required"]
        keys = {
            key
            for errors in fitting
            for inner in errors
            if not inner.relative_path
            for key in _properties(inner.schema)
        }
        for inner in best:
            yield from self.explain(inner, keys if not inner.relative_path else ())

    def _another_kind(self, error: Any, branches: list[list[Any]]) -> Iterator[Diagnostic]:
        """No alternative takes a value of this kind at all: name all that they take."""
        tops = [inner for errors in branches for inner in errors if _is_another_kind(inner)]
        types = [inner for inner in tops if inner.validator == "type"]
        if not tops:
            yield self._at(error, "excluded")
        elif types:
            expected: list[str] = []
            for inner in types:
                wanted = inner.validator_value
                named = inner.schema.get("x-type")
                words = (
                    [named]
                    if named
                    else [_WORD_OF_TYPE[name] for name in ([wanted] if isinstance(wanted, str) else wanted)]
                )
                expected += words
            yield self._wrong_type(error, expected)
        else:
            values = [value for inner in tops for value in _values(inner)]
            yield self._wrong_value(error, values)

    def bounds(self, error: Any) -> Iterator[Diagnostic]:
        code = "too-small" if "inimum" in error.validator else "too-large"
        yield self._at(error, code, value=str(error.instance), limit=error.validator_value)

    def too_short(self, error: Any) -> Iterator[Diagnostic]:
        yield self._at(error, "too-short", limit=error.validator_value)

    def too_long(self, error: Any) -> Iterator[Diagnostic]:
        yield self._at(error, "too-long", limit=error.validator_value)

    def pattern(self, error: Any) -> Iterator[Diagnostic]:
        if error.absolute_schema_path and "propertyNames" in error.absolute_schema_path:
            position = self.document.key_position([*error.absolute_path, error.instance])
            yield Diagnostic("wrong-key-name", position, {"key": error.instance, "allowed": error.validator_value})
            return
        yield self._at(error, "pattern-mismatch", value=error.instance, pattern=error.validator_value)

    def not_unique(self, error: Any) -> Iterator[Diagnostic]:
        path = list(error.absolute_path)
        for index, item in enumerate(error.instance):
            if item in error.instance[:index]:
                yield Diagnostic("not-unique", self.document.position([*path, index]), {"value": _as_written(item)})

    def needed_keys(self, error: Any) -> Iterator[Diagnostic]:
        for key, others in error.validator_value.items():
            for other in others:
                if key in error.instance and other not in error.instance:
                    yield Diagnostic("needs-key", self._key_position(error, key), {"key": key, "needed": other})

    def not_allowed(self, error: Any) -> Iterator[Diagnostic]:
        yield Diagnostic("excluded", self.document.key_position(error.absolute_path))


def _takes_nothing(inner: Any) -> bool:
    return not inner.relative_path and inner.validator == "not" and inner.validator_value == {}


def _is_another_kind(inner: Any) -> bool:
    """The alternative does not take a value of this kind (or any other than a few), whatever is inside."""
    return not inner.relative_path and inner.validator in ("type", "enum", "const")


def _distance(errors: list[Any]) -> tuple[int, int, int]:
    """How far a value is from an alternative: a wrong word that tells alternatives apart weighs most."""
    telling = sum(inner.validator in ("enum", "const") and len(inner.relative_path) == 1 for inner in errors)
    outer = sum(not inner.relative_path for inner in errors)
    return (telling, outer, len(errors))


def _properties(schema: Any) -> Iterable[str]:
    return schema.get("properties", {}) if isinstance(schema, Mapping) else ()


def _values(inner: Any) -> list[Any]:
    return list(inner.validator_value) if inner.validator == "enum" else [inner.validator_value]


def _as_written(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else str(value)


_EXPLAINERS: Final[dict[str, Callable[[_Translator, Any], Iterator[Diagnostic]]]] = {
    "required": _Translator.missing_keys,
    "type": _Translator.wrong_type,
    "enum": _Translator.wrong_value,
    "const": _Translator.wrong_value,
    "anyOf": _Translator.alternatives,
    "oneOf": _Translator.alternatives,
    "minimum": _Translator.bounds,
    "maximum": _Translator.bounds,
    "exclusiveMinimum": _Translator.bounds,
    "exclusiveMaximum": _Translator.bounds,
    "minLength": _Translator.too_short,
    "minItems": _Translator.too_short,
    "minProperties": _Translator.too_short,
    "maxLength": _Translator.too_long,
    "maxItems": _Translator.too_long,
    "maxProperties": _Translator.too_long,
    "pattern": _Translator.pattern,
    "uniqueItems": _Translator.not_unique,
    "dependentRequired": _Translator.needed_keys,
    "not": _Translator.not_allowed,
    "false": _Translator.not_allowed,
}
