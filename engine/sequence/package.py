"""Finds a sequence package by shipped name or path, reads it, and says everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.chart.build import attempt, build_chart
from engine.chart.model import Chart
from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document, Map
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.sequence.bounds import longest_end_of_chart, longest_end_of_steps
from engine.sequence.chart_calls import check_calls
from engine.sequence.compile import chart_document, resume_document
from engine.sequence.drivers import DriverLoader
from engine.sequence.model import Hardware, Package, Parameter, Step, StepKind
from engine.sequence.outline import Outline, RawStep, inside
from engine.sequence.read_hardware import HardwareReader, read_parameters
from engine.sequence.read_steps import StepReader, result_types, units_of
from engine.sequence.recovery import recovery_documents
from engine.sequence.services import sequence_registry
from machines import shipped_sequences
from schemas import load_schema

FILE: Final = "sequence.yaml"


@dataclass(slots=True)
class Checked:
    """What a check found. ``package`` is None where something is wrong that forbids running it."""

    name: str  # of sequence.yaml, as shown
    findings: list[Diagnostic]
    package: Package | None = None
    texts: dict[str, Path] = field(default_factory=dict)  # every YAML file that was read, by its shown name


def load_package(package: str | Path, folders: Sequence[Path] = ()) -> Package:
    """Load a package, ready to run: a path, or the name of one in ``folders`` or shipped.

    Raises DiagnosticError with everything that is wrong.
    """
    checked = check_package(package, folders)
    if checked.package is None:
        raise DiagnosticError([found for found in checked.findings if found.severity == "error"])
    return checked.package


def check_package(package: str | Path, folders: Sequence[Path] = ()) -> Checked:
    """Check a package; never raises for what is in it."""
    try:
        file, shown = find_package(package, folders)
        document = load_yaml(file, shown)
    except DiagnosticError as error:
        return Checked(str(package), list(error.diagnostics))
    return _Reader(file, document).read()


def recovery_charts(package: Package, names: Sequence[str]) -> list[Chart]:
    """The package's chart for each cleanup that a crash has left owed, in the order in which they are done.

    ``names`` are those of the steps' records so far, in their order.
    """
    registry = sequence_registry()
    return [build_chart(one, registry) for one in recovery_documents(package.chart_document, names)]


def resume_chart(package: Package, step: Step) -> Chart:
    """The package's chart begun at a step, which must be one that may be resumed."""
    return build_chart(resume_document(package.chart_document, step), sequence_registry())


def find_package(package: str | Path, folders: Sequence[Path] = ()) -> tuple[Path, str]:
    """The sequence.yaml of a package, and how it is shown. Raises DiagnosticError when there is none."""
    path = Path(package)
    if path.is_dir() or path.is_file():
        file = path / FILE if path.is_dir() else path
        return file, str(file)
    for folder in folders:
        if (folder / package / FILE).is_file() and inside(folder, str(package)) is not None:
            return folder / package / FILE, str(folder / package / FILE)
    shipped = shipped_sequences()
    if str(package) in shipped:
        return Path(str(shipped[str(package)])) / FILE, f"machines/sequences/{package}/{FILE}"
    known = sorted({*shipped, *(one.parent.name for folder in folders for one in folder.glob(f"*/{FILE}"))})
    params = {"name": str(package), "guess": did_you_mean(str(package), known) or "", "known": known}
    raise DiagnosticError([Diagnostic("unknown-sequence", Position(str(package)), params)])


def _sides(steps: list[RawStep]) -> dict[str, dict[str, int]]:
    """For each step, in which branch of the parallels around it it stands."""
    found: dict[str, dict[str, int]] = {}

    def walk(steps: list[RawStep], around: dict[str, int]) -> None:
        for step in steps:
            found[step.name] = around
            for number, branch in enumerate(step.branches):
                is_parallel = step.kind is StepKind.PARALLEL
                walk(branch, {**around, step.name: number} if is_parallel else around)

    walk(steps, {})
    return found


class _Reader:
    """Reads one package; a later stage is skipped only where its input is broken."""

    def __init__(self, file: Path, document: Document) -> None:
        self.file, self.folder, self.document = file, file.parent, document
        self.root: Map = document.root
        self.problems: list[Diagnostic] = []
        self.loader = DriverLoader(self.folder, self.problems)
        self.outline = Outline(self.folder, str(Path(document.name).parent), self.problems, file)
        self.texts = {document.name: file}

    def read(self) -> Checked:
        self.problems += check(self.document, load_schema("sequence"))
        if self._is_broken():
            return self._finished(None)
        parameters = read_parameters(self.root.get("parameters"), self.problems)
        hardware = HardwareReader(self.loader, self.problems).read(self.root.get("hardware"))
        if "chart" in self.root:
            return self._finished(self._chart_package(parameters, hardware))
        if "steps" not in self.root:
            params = {"key": "steps", "where": ""}
            self.problems.append(Diagnostic("missing-key", self.root.position, params))
            return self._finished(None)
        steps, cleanup = self._steps(parameters, hardware)
        if self._is_broken():
            return self._finished(None)
        document = chart_document(self.document, *self._names(), steps, cleanup)
        return self._finished(self._package(document, parameters, hardware, steps, cleanup))

    def _names(self) -> tuple[str, str, str]:
        name = str(self.root["sequence"])
        return name, str(self.root.get("version", "0")), str(self.root.get("title", name))

    def _is_broken(self) -> bool:
        return any(found.severity == "error" for found in self.problems)

    def _steps(
        self, parameters: dict[str, Parameter], hardware: dict[str, Hardware]
    ) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        try:
            raw = self.outline.read(self.root.get("steps"), is_cleanup=False)
            raw_cleanup = self.outline.read(self.root.get("cleanup"), is_cleanup=True)
        except DiagnosticError as error:
            self.problems += error.diagnostics
            return (), ()
        every = [step for top in (*raw, *raw_cleanup) for step in top.walk()]
        order = {step.name: place for place, step in enumerate(every)}
        reader = StepReader(
            hardware,
            frozenset(self.root.section("hardware")),
            {name: one.declaration.type for name, one in parameters.items()},
            result_types(self.outline.by_name),
            order,
            self.problems,
            units_of(parameters, self.outline.by_name),
            _sides([*raw, *raw_cleanup]),
        )
        self.texts |= self.outline.files
        return reader.read(raw), reader.read(raw_cleanup)

    def _chart_package(self, parameters: dict[str, Parameter], hardware: dict[str, Hardware]) -> Package | None:
        """The flow is a chart of its own."""
        for key in ("steps", "cleanup"):
            if key in self.root:
                params = {"key": key, "other": "chart"}
                self.problems.append(Diagnostic("step-kinds", self.root.key_at(key), params))
        from engine.chart.lint.check import check_document  # the rules, which most packages have no use for

        written, at = str(self.root["chart"]), self.root.at("chart")
        path = inside(self.folder, written)
        if path is None or not path.is_file():
            code = "path-outside" if path is None else "referenced-file-missing"
            self.problems.append(Diagnostic(code, at, {"path": written}))
            return None
        shown = str(Path(self.document.name).parent / written)
        try:
            document = load_yaml(path, shown)
        except DiagnosticError as error:
            self.problems += error.diagnostics
            return None
        self.texts[shown] = path
        self.outline.texts.append(document.text)
        self.problems += check_document(document, sequence_registry())[0]
        self.problems += check_calls(document.root, hardware, frozenset(self.root.section("hardware")))
        if self._is_broken():
            return None
        return self._package(document, parameters, hardware, (), (), is_chart=True)

    def _package(
        self,
        document: Document,
        parameters: dict[str, Parameter],
        hardware: dict[str, Hardware],
        steps: tuple[Step, ...],
        cleanup: tuple[Step, ...],
        *,
        is_chart: bool = False,
    ) -> Package:
        chart, problems = attempt(document, sequence_registry())
        if is_chart:
            self._check_settings(chart)  # the rest has been told
        else:
            self.problems += problems
        name, version, title = self._names()
        return Package(
            name=name,
            version=version,
            title=title,
            folder=self.folder,
            document=self.document,
            parameters=parameters,
            hardware=hardware,
            steps=steps,
            cleanup=cleanup,
            chart=chart,
            chart_document=document,
            content_hash=self._hash(),
            longest_cleanup=longest_end_of_chart(chart) if is_chart else longest_end_of_steps(steps, cleanup),
            is_chart=is_chart,
            files=(*self.texts.values(), *self.loader.files()),
            named={step.name: step for top in (*steps, *cleanup) for step in top.walk()},
        )

    def _check_settings(self, chart: Chart) -> None:
        """Parameters become the chart's settings: it must declare them."""
        section = self.root.section("parameters")
        known = list(chart.settings)
        for name in section.keys() - chart.settings.keys():
            params = {"name": name, "guess": did_you_mean(name, known) or "", "known": known}
            self.problems.append(Diagnostic("unknown-setting", section.key_at(name), params))

    def _hash(self) -> str:
        whole = hashlib.sha256(self.document.text.encode())
        for text in self.outline.texts:
            whole.update(text.encode())
        return whole.hexdigest()

    def _finished(self, package: Package | None) -> Checked:
        unique = {(p.position, p.code, repr(sorted(p.params.items(), key=str))): p for p in self.problems}
        findings = [unique[key] for key in sorted(unique)]
        return Checked(self.document.name, findings, None if self._is_broken() else package, self.texts)
