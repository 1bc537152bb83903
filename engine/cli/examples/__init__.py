"""Examples for ``engine explain``: for every code that a file can show, the file wrong and right. Each is tested."""

from __future__ import annotations

from functools import cache

from engine.cli.examples.example import Example


@cache
def examples() -> dict[str, Example]:
    """The example of every code that has one."""
    from engine.cli.examples import names, profiles, sequences, sites, stations, structure, texts, values

    merged: dict[str, Example] = {}
    for part in (names, values, structure, sites, texts, profiles, sequences, stations):
        twice = merged.keys() & part.EXAMPLES.keys()
        assert not twice, f"examples told twice: {sorted(twice)}"
        merged |= part.EXAMPLES
    return merged
