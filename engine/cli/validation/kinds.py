"""What kind of document a file is, by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

Kind = Literal["chart", "site", "protocol", "sequence", "station"]

# A key at the very left, which is where the keys of a document stand when it is written as people write it.
_CHART: Final = re.compile(rb"^['\"]?(?:chart|extends|states|initial)['\"]?[ \t]*:", re.MULTILINE)
_PROTOCOL: Final = re.compile(rb"^['\"]?protocol['\"]?[ \t]*:", re.MULTILINE)
_SEQUENCE: Final = re.compile(rb"^['\"]?sequence['\"]?[ \t]*:", re.MULTILINE)
_STATION: Final = re.compile(rb"^['\"]?station['\"]?[ \t]*:", re.MULTILINE)
_SITE: Final = re.compile(rb"^['\"]?(?:lines|server|site|gateway)['\"]?[ \t]*:", re.MULTILINE)
_CHART_KEYS: Final = frozenset({"chart", "extends", "states", "initial"})
_SITE_KEYS: Final = frozenset({"lines", "server", "site", "gateway"})
_NAMED: Final[tuple[Kind, ...]] = ("protocol", "sequence", "station")  # documents that begin with what they are
_SITE_NAME: Final = re.compile(r"site\.ya?ml\Z")
_NAMES: Final[Mapping[str, Kind]] = {"station.yaml": "station", "station.yml": "station", "sequence.yaml": "sequence"}


def kind_of_file(path: Path) -> Kind | None:
    """The kind of a file, also of one that cannot be read as YAML; None when it looks like none."""
    from engine.documents.limits import MAX_BYTES

    if _SITE_NAME.search(path.name):
        return "site"
    if path.name in _NAMES:  # also without the key that tells it: what it lacks is to be said
        return _NAMES[path.name]
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    if _PROTOCOL.search(content):
        return "protocol"
    if _SEQUENCE.search(content):
        return "sequence"
    if _STATION.search(content):
        return "station"
    if _CHART.search(content):
        return "chart"
    return "site" if _SITE.search(content) else None


def kind_of_keys(keys: object) -> Kind | None:
    """The kind of a document that was read, by the keys at its top."""
    if not isinstance(keys, dict):
        return None
    for kind in _NAMED:
        if kind in keys:
            return kind
    if _CHART_KEYS & keys.keys():
        return "chart"
    return "site" if _SITE_KEYS & keys.keys() else None
