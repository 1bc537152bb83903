"""What an answer means, decided without a network: the corners that the contract tests cannot reach."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES, MAC, make_record

from engine.net.answers import (
    MAX_REASON,
    Answer,
    errs_alone_on,
    explain,
    judge_delivery,
    judge_heartbeat,
    judge_lookup,
    judge_registration,
    read_document,
)
from engine.ports import CallKind, DeliveryKind, LookupKind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(["uuid", "detail", "id", "status", "mac_address", "access_token", "weight"])
DOCUMENTS = st.dictionaries(KEYS, JSON, max_size=3)


STATUSES = st.sampled_from([200, 201, 202, 204, 301, 302, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503])


@EXAMPLES
@given(status=STATUSES | st.integers(100, 599), document=st.none() | DOCUMENTS, doubtful=st.booleans())
def test_every_answer_is_judged_and_only_the_servers_json_decides_anything(status, document, doubtful):
    answer = Answer(status, document, "" if document is not None else "is a web page")
    record = make_record(may_have_arrived=doubtful)
    delivery, lookup = judge_delivery(answer, record), judge_lookup(answer, MAC)
    heartbeat, registration = judge_heartbeat(answer), judge_registration(answer)

    if document is None:
        assert delivery.kind is DeliveryKind.UNREACHABLE
        assert lookup.kind is (LookupKind.MISSING if status == 404 else LookupKind.UNREACHABLE)
        assert heartbeat.kind is CallKind.UNREACHABLE
        assert registration.kind is CallKind.UNREACHABLE
    assert (delivery.kind is DeliveryKind.UNAUTHORIZED) == (document is not None and status in {401, 403})
    assert (heartbeat.kind is CallKind.REFUSED) == (document is not None and status in {401, 403, 404})
    assert (lookup.kind is LookupKind.MISSING) == (status == 404)  # FR-01 asks for no body
    if delivery.kind is DeliveryKind.DELIVERED:
        assert status in {200, 201, 409} or (status == 400 and doubtful)
    for reason in (delivery.reason, lookup.reason, heartbeat.reason, registration.reason):
        assert len(reason) <= MAX_REASON
        assert reason.isprintable()
        reason.encode()


@EXAMPLES
@given(body=st.binary(max_size=200) | DOCUMENTS.map(lambda d: json.dumps(d).encode()))
def test_any_body_is_an_object_or_has_a_flaw_that_can_be_told(body):
    document, flaw = read_document(body)
    assert (document is None) == bool(flaw)


@pytest.mark.parametrize(
    "body", [b"", b"  \r\n", b"null", b"[]", b'"ok"', b"{", b"<html>", b"\xff\xfe{", b"[" * 60_000]
)
def test_what_is_not_a_json_object_is_not_the_server_speaking(body):
    assert read_document(body)[0] is None


@pytest.mark.parametrize("depth", [500, 900, 9_000])
def test_json_nested_without_sense_is_judged_like_any_other(depth):
    document, flaw = read_document(b'{"a":' * depth + b"1" + b"}" * depth)  # how deep it is read depends on the Python
    for status in (200, 400, 401, 500):
        assert len(judge_delivery(Answer(status, document, flaw), make_record()).reason) <= MAX_REASON


@pytest.mark.parametrize(
    ("document", "alone"),
    [
        ({"uuid": ["weighing record with this uuid already exists."]}, True),
        ({"uuid": ["이미 존재합니다."]}, True),
        ({"uuid": "duplicate"}, True),
        ({"uuid": []}, False),
        ({"uuid": None}, False),
        ({}, False),
        ({"detail": "uuid exists"}, False),
        ({"uuid": ["exists"], "weight": ["A valid number is required."]}, False),
    ],
)
def test_a_duplicate_is_an_error_on_uuid_and_on_nothing_else(document, alone):
    assert errs_alone_on(document, "uuid") is alone


@pytest.mark.parametrize("status", [200, 201, 409])
@pytest.mark.parametrize(
    ("sent_back", "kind"),
    [
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", DeliveryKind.DELIVERED),
        ("0f8fad5bd9cb469fa16570867728950e", DeliveryKind.DELIVERED),
        (["already exists"], DeliveryKind.DELIVERED),
        ("a record with this uuid already exists", DeliveryKind.DELIVERED),
        (None, DeliveryKind.DELIVERED),
        ("00000000-0000-4000-8000-000000000000", DeliveryKind.UNREACHABLE),
    ],
)
def test_a_uuid_in_the_answer_must_be_ours_in_whatever_form(status, sent_back, kind):
    record = make_record(uuid="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert judge_delivery(Answer(status, {"uuid": sent_back}), record).kind is kind


@pytest.mark.parametrize("status", [202, 203, 204, 206, 226])
def test_a_success_other_than_those_of_the_contract_delivers_nothing(status):
    delivery = judge_delivery(Answer(status, {"detail": "queued"}), make_record(may_have_arrived=True))
    assert (delivery.kind, delivery.may_have_arrived) == (DeliveryKind.UNREACHABLE, True)


@pytest.mark.parametrize("word", ["approved", "pending", "Active", "", None, 7])
def test_the_token_approves_whatever_the_word_in_status(word):
    lookup = judge_lookup(Answer(200, {"status": word, "access_token": "abc123"}), MAC)
    assert (lookup.kind, lookup.access_token) == (LookupKind.APPROVED, "abc123")
    lookup = judge_lookup(Answer(200, {"status": word, "access_token": ""}), MAC)
    assert (lookup.kind, lookup.access_token) == (LookupKind.PENDING, None)


@pytest.mark.parametrize(
    ("sent", "read"),
    [(7, "7"), ("7", "7"), ("6b1c", "6b1c"), (None, None), ("", None), (True, None), ([7], None), ("x" * 300, None)],
)
def test_the_gateways_id_may_be_a_number_or_a_text(sent, read):
    assert judge_lookup(Answer(200, {"id": sent}), MAC).gateway_id == read


@pytest.mark.parametrize("written", [MAC, MAC.lower(), MAC.replace(":", "-"), None])
def test_our_mac_address_may_come_back_in_another_form(written):
    assert judge_lookup(Answer(200, {"mac_address": written}), MAC).kind is LookupKind.PENDING


@pytest.mark.parametrize("status", [408, 429])
def test_a_busy_server_has_not_refused_a_registration(status):
    busy = judge_registration(Answer(status, {"detail": "throttled"}, retry_after=30.0))
    assert (busy.kind, busy.retry_after) == (CallKind.UNREACHABLE, 30.0)


def test_a_tokens_text_never_stands_in_what_is_logged():
    lookup = judge_lookup(Answer(200, {"access_token": "0123456789abcdef"}), MAC)
    assert "0123456789" not in repr(lookup)


def test_reasons_are_one_short_line():
    document = {"weight": ["too\nheavy", {"code": 3}], "detail": "a\x1b[31mred", "note": "x" * 10_000}
    assert explain(document).startswith('weight: too heavy {"code": 3}; a [31mred; note: xxx')
    assert len(explain(document)) == MAX_REASON
