"""The steps of a sequence as written, with what they include in its place: who is there, before what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.tree import Map, Mark, Seq, Value
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.sequence.model import StepKind
from schemas import load_schema

_MOST_INCLUDES: Final = 8  # files that include each other; nobody follows more
_MOST_STEPS: Final = 10_000  # an include that stands in an include doubles with every file

_BY_KEY: Final = {
    "call": StepKind.CALL, "prompt": StepKind.PROMPT, "wait": StepKind.WAIT, "rendezvous": StepKind.RENDEZVOUS,
    "parallel": StepKind.PARALLEL, "repeat": StepKind.REPEAT, "steps": StepKind.GROUP,
}  # fmt: skip
_EVERYWHERE: Final = frozenset({"name", "title", "when", "on_fail", "lock"})
_KEYS: Final[Mapping[StepKind, frozenset[str]]] = {
    StepKind.CALL: frozenset({"call", "with", "measure", "timeout", "cancel", "retry", "resumable"}),
    StepKind.PROMPT: frozenset({"prompt", "measure", "resumable"}),
    StepKind.WAIT: frozenset({"wait", "resumable"}),
    StepKind.MEASURE: frozenset({"measure", "resumable"}),
    StepKind.RENDEZVOUS: frozenset({"rendezvous", "timeout"}),
    StepKind.GROUP: frozenset({"steps"}),
    StepKind.REPEAT: frozenset({"repeat", "steps"}),
    StepKind.PARALLEL: frozenset({"parallel"}),
}
# A cleanup goes through its steps one by one, whatever becomes of each: nothing is chosen, and nobody waited for.
_CLEANUP_KINDS: Final = frozenset({StepKind.CALL, StepKind.PROMPT, StepKind.WAIT, StepKind.MEASURE})
_NOT_IN_CLEANUP: Final = frozenset({"on_fail", "lock", "resumable"})


@dataclass(slots=True)
class RawStep:
    """A step as written. ``aliases``: what names of its file are in the whole sequence (``include`` with a prefix)."""

    name: str
    kind: StepKind
    body: Map
    mark: Mark
    is_cleanup: bool
    aliases: Mapping[str, str]
    branches: list[list[RawStep]] = field(default_factory=list)

    def walk(self) -> Iterator[RawStep]:
        """It, then everything inside."""
        yield self
        for branch in self.branches:
            for step in branch:
                yield from step.walk()


@dataclass(slots=True)
class Outline:
    """Reads the tree of steps. ``files`` are those that were included."""

    folder: Path
    shown: str  # the package's folder as diagnostics show it
    problems: list[Diagnostic]
    file: Path | None = None  # the sequence itself, which cannot be included
    files: dict[str, Path] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    by_name: dict[str, RawStep] = field(default_factory=dict)
    _is_cleanup: bool = False
    _count: int = 0

    def read(self, raw: Value, *, is_cleanup: bool) -> list[RawStep]:
        """The steps of ``steps:`` or ``cleanup:``."""
        self._is_cleanup = is_cleanup
        return self._steps(raw, "", {}, () if self.file is None else (self.file.resolve(),))

    def _steps(self, raw: Value, prefix: str, aliases: Mapping[str, str], above: tuple[Path, ...]) -> list[RawStep]:
        found: list[RawStep] = []
        for index, body in enumerate(raw if isinstance(raw, Seq) else ()):
            assert isinstance(raw, Seq)
            if not isinstance(body, Map):
                continue
            self._count += 1
            if self._count > _MOST_STEPS:
                raise DiagnosticError([Diagnostic("too-many-steps", raw.at(index), {"limit": _MOST_STEPS})])
            if "include" in body:
                found += self._included(body, prefix, aliases, above)
            else:
                step = self._step(body, raw.marks[index], prefix, aliases, above)
                if step is not None:
                    found.append(step)
        return found

    def _step(
        self, body: Map, mark: Mark, prefix: str, aliases: Mapping[str, str], above: tuple[Path, ...]
    ) -> RawStep | None:
        kind = self._kind(body)
        if kind is None:
            return None
        if "name" not in body:
            self._report("missing-key", body.position, key="name", where="")
            return None
        step = RawStep(f"{prefix}{body['name']}", kind, body, mark, self._is_cleanup, aliases)
        self._check_keys(step)
        first = self.by_name.setdefault(step.name, step)
        if first is not step:
            where = first.body.at("name")
            params = {"name": step.name, "first": str(where)}
            self.problems.append(
                Diagnostic("duplicate-step", body.at("name"), params, related=((where, "first-place"),))
            )
            return None
        inner = body.get("parallel") if kind is StepKind.PARALLEL else [body.get("steps")]
        for branch in inner if isinstance(inner, list) and not kind.is_leaf else ():
            step.branches.append(self._steps(branch, prefix, aliases, above))
        return step

    def _kind(self, body: Map) -> StepKind | None:
        keys = [key for key in _BY_KEY if key in body]
        if keys == ["repeat", "steps"]:
            return StepKind.REPEAT
        if keys == ["repeat"]:
            self._report("missing-key", body.position, key="steps", where="")
            return None
        if len(keys) > 1:
            self._report("step-kinds", body.key_at(keys[1]), key=keys[1], other=keys[0])
            return None
        if keys:
            return _BY_KEY[keys[0]]
        if "measure" in body:
            return StepKind.MEASURE
        self._report("step-does-nothing", body.position, known=[*_BY_KEY, "measure", "include"])
        return None

    def _check_keys(self, step: RawStep) -> None:
        allowed = _EVERYWHERE | _KEYS[step.kind]
        if step.is_cleanup:
            allowed -= _NOT_IN_CLEANUP
            if step.kind not in _CLEANUP_KINDS:
                key = step.kind.value if step.kind is not StepKind.GROUP else "steps"
                self._report("not-in-cleanup", step.body.key_at(key), key=key)
        for key in step.body.keys() - allowed:
            if step.is_cleanup and key in _NOT_IN_CLEANUP:
                self._report("not-in-cleanup", step.body.key_at(key), key=key)
            else:
                params = {"key": key, "step": step.kind.value, "allowed": sorted(allowed)}
                self._report("misplaced-step-key", step.body.key_at(key), **params)

    # Included files --------------------------------------------------------------------------------------------------

    def _included(self, body: Map, prefix: str, aliases: Mapping[str, str], above: tuple[Path, ...]) -> list[RawStep]:
        for key in body.keys() - {"include", "prefix", "title"}:
            allowed = ["include", "prefix", "title"]
            self._report("misplaced-step-key", body.key_at(key), key=key, step="include", allowed=allowed)
        written, at = str(body["include"]), body.at("include")
        path = inside(self.folder, written)
        if path is None:
            self._report("path-outside", at, path=written)
            return []
        if path in above or len(above) > _MOST_INCLUDES:
            cycle = " -> ".join(one.name for one in (*above[above.index(path) if path in above else 0 :], path))
            self._report("include-cycle", at, cycle=cycle)
            return []
        root = self._load(path, written, at)
        if root is None:
            return []
        inner_prefix = f"{prefix}{body.get('prefix', '')}"
        inner_aliases = dict(aliases)
        if inner_prefix:
            inner_aliases |= {name: f"{inner_prefix}{name}" for name in _names(root.get("steps"))}
        return self._steps(root.get("steps"), inner_prefix, inner_aliases, (*above, path))

    def _load(self, path: Path, written: str, at: Position) -> Map | None:
        shown = str(PurePosixPath(self.shown) / written)
        if not path.is_file():
            self._report("referenced-file-missing", at, path=written)
            return None
        try:
            document = load_yaml(path, shown)
        except DiagnosticError as error:
            self.problems += error.diagnostics
            return None
        if shown not in self.files:
            self.files[shown] = path
            self.texts.append(document.text)
            self.problems += check(document, included_schema())
        return document.root

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def inside(folder: Path, written: str) -> Path | None:
    """A file of the package's folder; None for one that would be elsewhere, also by way of a link."""
    try:
        path = (folder / written).resolve()
        return path if path.is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _names(raw: Value) -> Iterator[str]:
    """The names of steps as a file has them, at any depth."""
    for body in raw if isinstance(raw, Seq) else ():
        if isinstance(body, Map):
            if "name" in body:
                yield str(body["name"])
            yield from _names(body.get("steps"))
            branches = body.get("parallel")
            for branch in branches if isinstance(branches, Seq) else ():
                yield from _names(branch)


@cache
def included_schema() -> dict[str, Any]:
    """The shape of a file that is included: steps, and nothing else."""
    whole = load_schema("sequence")
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["steps"],
        "properties": {"title": {"type": "string"}, "steps": {"$ref": "#/$defs/steps"}},
        "$defs": whole["$defs"],
    }
