"""``extends``: a site changes a part of another chart and keeps the rest.

Maps merge, ``null`` deletes, lists replace. A transition that carries an ``id`` can be changed, or stood before or
after, by a patch: a list in it whose every item has ``id``, ``before`` or ``after`` patches the list it would replace.
Every value keeps its place in the file it was written in.
"""

from __future__ import annotations

from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Seq, Value
from engine.errors import Diagnostic

_PATCH_KEYS = frozenset({"id", "before", "after"})


def extend(base: Map, patch: Map, problems: list[Diagnostic]) -> Map:
    """The base chart with the patch applied; neither is changed."""
    result = Map(patch.start)
    result.update(base)
    result.marks = dict(base.marks)
    for key, value in patch.items():
        if key == "extends":
            continue
        old = result.get(key)
        if value is None:
            result.pop(key, None)
            result.marks.pop(key, None)
            continue
        result[key] = _merged(old, value, patch, key, problems)
        result.marks[key] = patch.marks[key]
    return result


def _merged(old: Value, new: Value, holder: Map, key: str, problems: list[Diagnostic]) -> Value:
    if isinstance(old, Map) and isinstance(new, Map):
        return extend(old, new, problems)
    if isinstance(new, Seq) and old is not None and _is_patch(new):
        return _patched(old, new, holder, key, problems)
    return new


def _is_patch(items: Seq) -> bool:
    return bool(items) and all(isinstance(item, Map) and _PATCH_KEYS & item.keys() for item in items)


def _patched(old: Value, patch: Seq, holder: Map, key: str, problems: list[Diagnostic]) -> Value:
    result = Seq(patch.start)
    if isinstance(old, Seq):
        result.extend(old)
        result.marks = list(old.marks)
    else:
        result.append(old)
        result.marks = [old.start if isinstance(old, Map) else holder.marks[key]]
    for index, item in enumerate(patch):
        assert isinstance(item, Map)
        place = next((word for word in ("before", "after") if word in item), None)
        anchor = str(item[place] if place is not None else item["id"])
        at = next((i for i, t in enumerate(result) if isinstance(t, Map) and str(t.get("id")) == anchor), None)
        if at is None:
            if place is None and not any(isinstance(t, Map) and "id" in t for t in result):
                return patch  # nothing there has an id: these are simply new transitions that have one
            known = [str(t["id"]) for t in result if isinstance(t, Map) and "id" in t]
            where = item.at(place or "id")
            problems.append(
                Diagnostic("unknown-id", where, {"name": anchor, "guess": did_you_mean(anchor, known), "known": known})
            )
            continue
        if place is None:
            existing = result[at]
            assert isinstance(existing, Map)
            result[at] = extend(existing, item, problems)
            continue
        added = Map(item.start)
        added.update({k: v for k, v in item.items() if k != place})
        added.marks = {k: m for k, m in item.marks.items() if k != place}
        position = at if place == "before" else at + 1
        result.insert(position, added)
        result.marks.insert(position, patch.marks[index])
    return result
