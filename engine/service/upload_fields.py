"""``upload.fields`` of site.yaml: what is uploaded with a record beyond the four fields of the server's contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Seq, Value
from engine.errors import Diagnostic
from engine.net.wire import COLUMNS, CONTRACT_FIELDS, EXTRA


def upload_fields(upload: Map) -> Mapping[str, str]:
    """Name on the wire -> where its value comes from, in the order in which the site says it."""
    return {name: str(source) for name, source in upload.section("fields").items()}


def check_upload_fields(upload: Map) -> Iterator[Diagnostic]:
    """Names that are taken, and columns that no record has."""
    fields = upload.section("fields")
    for name in fields:
        if name in CONTRACT_FIELDS:
            yield Diagnostic("upload-field-taken", fields.key_at(name), {"name": name})
        source = fields.text(name)
        is_extra = source is not None and source.startswith(EXTRA) and source != EXTRA
        if source is not None and source not in COLUMNS and not is_extra:
            yield _unknown(fields, name, source, [*COLUMNS, f"{EXTRA}NAME"])


def check_upload_extras(upload: Map, charts: Iterable[Map]) -> Iterator[Diagnostic]:
    """``extra.NAME`` that none of the site's charts saves with a record. ``charts`` are their documents."""
    fields = upload.section("fields")
    wanted = {name: source for name, source in fields.items() if isinstance(source, str) and source.startswith(EXTRA)}
    if not wanted:
        return
    saved: set[str] = set()
    for chart in charts:
        names = _saved_by(chart)
        if names is None:
            return
        saved |= names
    for name, source in wanted.items():
        if source != EXTRA and source.removeprefix(EXTRA) not in saved:
            yield _unknown(fields, name, source, sorted(f"{EXTRA}{one}" for one in saved))


def _unknown(fields: Map, name: str, source: str, known: list[str]) -> Diagnostic:
    guess = did_you_mean(source, [one for one in known if not one.endswith("NAME")])
    return Diagnostic("unknown-upload-source", fields.at(name), {"name": source, "guess": guess or "", "known": known})


def _saved_by(chart: Map) -> set[str] | None:
    """The names under ``extra`` of what a chart saves; None when its text does not tell."""
    names: set[str] = set()
    for invoke in _invokes(chart):
        if "chart" in invoke:
            return None  # what a child saves is the child's
        extra = invoke.section("with").get("extra") if invoke.get("service") == "store.save_record" else None
        if isinstance(extra, str):
            return None  # worked out while the chart runs
        names |= set(extra) if isinstance(extra, Map) else set()
    return names


def _invokes(state: Map) -> Iterator[Map]:
    raw = state.get("invoke")
    items: Iterable[Value] = raw if isinstance(raw, Seq) else [raw]
    yield from (item for item in items if isinstance(item, Map))
    for inner in state.section("states").values():
        if isinstance(inner, Map):
            yield from _invokes(inner)
