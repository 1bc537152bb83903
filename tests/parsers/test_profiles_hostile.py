"""Whatever stands in a profile that fits the schema: it works, or every reason why not is told; it never breaks."""

from __future__ import annotations

import copy
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import parsers
from engine.documents.predicate import compile_predicate
from engine.documents.source import load_yaml
from parsers.profile import ProfileError, compile_profile
from schemas import load_schema

_ODD: dict[str, list[Any]] = {
    "at": ["0", "5-3", 1, "1-999", "1-2"],
    "length": [1, 3, 1000, "5-9", "9-5"],
    "start": ["\x02", "\u00ff"],
    "end": ["\r", "x"],
    "pattern": ["(?P<value>.*)", "(", "(?P<status>.)(?P<value>.*)", "(?P<value>[0-9]{999})", "무게"],
    "over": ["1-2", "2-", "5-1", "0-3"],
    "text": [{"1": "ST"}, {"0": "x"}, {"999": "x"}, {"1": "무게"}],
}
_Place = tuple[dict[str, Any] | list[Any], Any]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def places(value: Any) -> list[_Place]:
    """Every value inside ``value``, as its container and its key there."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in items] + [place for _, item in items for place in places(item)]


@cache
def shipped() -> tuple[list[dict[str, Any]], dict[str, list[Any]]]:
    """The shipped profiles, and every value that stands under each key in any of them."""
    profiles = [plain(load_yaml(path).root) for path in sorted(Path(parsers.__path__[0]).glob("*.yaml"))]
    by_key: dict[str, list[Any]] = {key: list(values) for key, values in _ODD.items()}
    for profile in profiles:
        for owner, key in places(profile):
            if isinstance(owner, dict):
                by_key.setdefault(key, []).append(owner[key])
    return profiles, by_key


def mutate(chance: random.Random, profile: dict[str, Any], by_key: dict[str, list[Any]]) -> None:
    owner, key = chance.choice(places(profile))
    what = chance.randrange(4)
    if what == 0:
        del owner[key]
    elif what == 1 and isinstance(owner, dict):
        other = chance.choice(sorted(by_key))
        owner[other] = copy.deepcopy(chance.choice(by_key[other]))
    elif key in by_key:
        owner[key] = copy.deepcopy(chance.choice(by_key[key]))


@pytest.mark.parametrize("seed", range(6))
def test_a_profile_with_mistakes_is_refused_and_never_breaks(seed: int) -> None:
    chance = random.Random(seed)
    fits = compile_predicate(load_schema("protocol"))
    assert fits is not None
    profiles, by_key = shipped()
    sound = refused = 0
    for _ in range(150):
        profile = copy.deepcopy(chance.choice(profiles))
        for _ in range(chance.randrange(1, 5)):
            mutate(chance, profile, by_key)
        if not fits(profile):
            continue
        try:
            parser = compile_profile(profile).factory()
        except ProfileError as error:
            refused += bool(error.problems)
            continue
        sound += 1
        for _ in range(5):
            parser.feed(chance.randbytes(200))
    assert sound
    assert refused
