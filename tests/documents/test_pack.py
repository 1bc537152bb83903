"""A part of a document that went through JSON is the same, places and all."""

from __future__ import annotations

import json

from engine.documents.pack import pack, unpack
from engine.documents.source import load_yaml
from engine.documents.tree import Map, Seq

TEXT = """\
line:
  name: dock-1
  settings: {min_weight: "50 g", share: 0.1, on: true, none: }
  protocol: [cas-22, rdm6300, {deep: [1]}]
"""


def test_values_and_their_places_come_back() -> None:
    root = load_yaml(TEXT, "site.yaml").root
    again = unpack(json.loads(json.dumps(pack(root))))
    assert again == root
    assert isinstance(again, Map)
    line, known = again.section("line"), root.section("line")
    assert line.at("name") == known.at("name")
    assert line.section("settings").key_at("share") == known.section("settings").key_at("share")
    assert line.section("settings").is_quoted("min_weight")
    assert type(line.section("settings")["share"]) is type(known.section("settings")["share"])
    protocol, of = line["protocol"], known["protocol"]
    assert isinstance(protocol, Seq)
    assert isinstance(of, Seq)
    assert [protocol.at(index) for index in range(3)] == [of.at(index) for index in range(3)]
    assert again.start == root.start
