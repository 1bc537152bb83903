"""The statecharts that ship with the engine: YAML, found by name."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def shipped_charts() -> dict[str, Traversable]:
    """Name -> file of every chart that ships."""
    return {
        entry.name.removesuffix(".yaml"): entry for entry in files(__name__).iterdir() if entry.name.endswith(".yaml")
    }


def shipped_sequences() -> dict[str, Traversable]:
    """Name -> folder of every sequence package that ships."""
    return {
        entry.name: entry for entry in (files(__name__) / "sequences").iterdir() if (entry / "sequence.yaml").is_file()
    }
