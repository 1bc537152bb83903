"""What an HTTP answer means for a record, a registration or a heartbeat. Pure: no sockets, no clock.

The rule behind all of it (DESIGN, 'Talking to the central server'): only a JSON object is the server speaking. A
hotel's portal, a proxy or another web server on the same port answers HTML, and whatever it says must neither deliver a
record, nor park it, nor cost the gateway its registration. A refusal (401, 403, 404) may have an empty body.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from engine.net.mac import parse_mac
from engine.ports import (
    CallKind,
    CallResult,
    Delivery,
    DeliveryKind,
    GatewayLookup,
    LookupKind,
    Secret,
    WeighingRecord,
)

MAX_REASON: Final = 300  # characters; a reason goes into a row, a log line and a table on a terminal

_MAX_ID: Final = 255
_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]{1,4096}\Z")
_OK: Final = HTTPStatus.OK
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_STORED: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT})
_INVALID: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_UNAUTHORIZED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_REGISTERED: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_ALIVE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
_DISOWNED: Final = _UNAUTHORIZED | {HTTPStatus.NOT_FOUND}

EMPTY: Final = "has no body"
_SECRET_KEY: Final = re.compile(r"token|password|secret|authorization", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came back. ``document`` is its body when that is a JSON object, else ``flaw`` says what it is."""

    status_code: int
    document: Mapping[str, object] | None = None
    flaw: str = ""
    retry_after: float | None = None
    location: str = ""

    @property
    def describe(self) -> str:
        """For people: ``500 Internal Server Error, is not JSON``."""
        if self.location:
            return f"{_phrase(self.status_code)} to {self.location}; redirects are not followed, check server.url"
        said = explain(self.document) if self.document else self.flaw
        return shorten(f"{_phrase(self.status_code)}{': ' if self.document else ', '}{said}".rstrip(", "))


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing usable came back. ``has_left`` is False only when the request surely never reached anybody."""

    reason: str
    has_left: bool


def read_document(body: bytes) -> tuple[Mapping[str, object] | None, str]:
    """A response's body as a JSON object, or None and what is wrong with it."""
    if not body.strip():
        return None, EMPTY
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, "is a web page" if body.lstrip()[:1] == b"<" else "is not JSON"
    if not isinstance(document, dict):
        return None, "is not a JSON object"
    return document, ""


def judge_delivery(answer: Answer | NoAnswer, record: WeighingRecord) -> Delivery:
    """One attempt to upload ``record``."""
    return judge_post(answer, record.uuid, "uuid", may_have_arrived=record.may_have_arrived)


def judge_post(answer: Answer | NoAnswer, ours: str, key: str, *, may_have_arrived: bool) -> Delivery:
    """One attempt to deliver what is called ``ours``, which an answer would repeat as ``key``.

    401 and 403 count only as JSON: a portal's 403 page must not deregister a gateway. An answer about something with
    another name is not about ours. Everything that is neither taken nor clearly turned down may have arrived.
    """
    if isinstance(answer, NoAnswer):
        return Delivery(ours, DeliveryKind.UNREACHABLE, answer.reason, may_have_arrived=answer.has_left)
    kind, reason = _delivery_kind(answer, ours, key, may_have_arrived=may_have_arrived)
    if kind is DeliveryKind.UNREACHABLE:
        return Delivery(ours, kind, reason, retry_after=answer.retry_after, may_have_arrived=True)
    return Delivery(ours, kind, reason)


def _delivery_kind(answer: Answer, ours: str, key: str, *, may_have_arrived: bool) -> tuple[DeliveryKind, str]:
    document, status = answer.document, answer.status_code
    if answer.flaw == EMPTY and status in _UNAUTHORIZED:
        return DeliveryKind.UNAUTHORIZED, answer.describe
    if document is None:
        return DeliveryKind.UNREACHABLE, answer.describe
    if status in _STORED:
        if _is_about_another(document, ours, key):
            return DeliveryKind.UNREACHABLE, f"{_phrase(status)}, about another record"
        return DeliveryKind.DELIVERED, ""
    if status in _INVALID:
        if status == HTTPStatus.BAD_REQUEST and may_have_arrived and errs_alone_on(document, key):
            return DeliveryKind.DELIVERED, "an earlier attempt had arrived"
        return DeliveryKind.REJECTED, explain(document)
    kind = DeliveryKind.UNAUTHORIZED if status in _UNAUTHORIZED else DeliveryKind.UNREACHABLE
    return kind, answer.describe


def errs_alone_on(document: Mapping[str, object], key: str) -> bool:
    """Whether a serializer complains of one field and of nothing else."""
    complaint = document.get(key)
    return len(document) == 1 and isinstance(complaint, (str, list)) and bool(complaint)


def _is_about_another(document: Mapping[str, object], ours: str, key: str) -> bool:
    theirs = document.get(key)
    if not isinstance(theirs, str):
        return False
    try:
        return uuid.UUID(theirs) != uuid.UUID(ours)
    except ValueError:
        return False  # a 409 may carry a sentence here


def judge_lookup(answer: Answer | NoAnswer, mac_address: str) -> GatewayLookup:
    """What the server knows of the gateway ``mac_address``. An ``access_token`` is what approves, not ``status``."""
    if isinstance(answer, NoAnswer):
        return GatewayLookup(LookupKind.UNREACHABLE, reason=answer.reason)
    document = answer.document
    if answer.status_code == HTTPStatus.NOT_FOUND:
        # Whatever its body: a view's Http404 is HTML. A portal's costs one registration that does not get through.
        return GatewayLookup(LookupKind.MISSING, reason=answer.describe)
    if document is None or answer.status_code != _OK:
        return GatewayLookup(LookupKind.UNREACHABLE, reason=answer.describe, retry_after=answer.retry_after)
    return _read_gateway(document, mac_address)


def _read_gateway(document: Mapping[str, object], mac_address: str) -> GatewayLookup:
    if not _is_about_us(document, mac_address):
        return GatewayLookup(LookupKind.UNREACHABLE, reason="the answer is about another gateway")
    word, token = document.get("status"), document.get("access_token")
    status = shorten(word) if isinstance(word, str) else ""
    gateway_id = _gateway_id(document.get("id"))
    if token is None or token == "":
        return GatewayLookup(LookupKind.PENDING, status, None, gateway_id)
    if not isinstance(token, str) or not is_header_safe(token):
        return GatewayLookup(LookupKind.UNREACHABLE, reason="the access_token sent cannot be used in a header")
    return GatewayLookup(LookupKind.APPROVED, status, Secret(token), gateway_id)


def judge_registration(answer: Answer | NoAnswer) -> CallResult:
    """The answer to a registration. 408 and 429 say only that the server is busy, not that it refuses."""
    if isinstance(answer, NoAnswer):
        return CallResult(CallKind.UNREACHABLE, reason=answer.reason)
    if answer.document is not None and answer.status_code in _REGISTERED:
        return CallResult(CallKind.DONE, answer.status_code)
    is_client_error = HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    if answer.document is not None and is_client_error and answer.status_code not in _BUSY:
        return CallResult(CallKind.REFUSED, answer.status_code, answer.describe)
    return _unreachable(answer)


def judge_heartbeat(answer: Answer | NoAnswer) -> CallResult:
    """The answer to a heartbeat (FR-06). Only the server's own 401, 403 or 404 ends a registration."""
    if isinstance(answer, NoAnswer):
        return CallResult(CallKind.UNREACHABLE, reason=answer.reason)
    is_empty = answer.flaw == EMPTY
    if answer.status_code in _ALIVE and (answer.document is not None or is_empty):
        return CallResult(CallKind.DONE, answer.status_code)
    if answer.status_code in _DISOWNED and (answer.document is not None or is_empty):
        return CallResult(CallKind.REFUSED, answer.status_code, answer.describe)
    return _unreachable(answer)


def is_header_safe(token: str) -> bool:
    """Whether ``token`` can stand in an ``Authorization`` header: visible ASCII, no spaces, not endless."""
    return _HEADER_SAFE.match(token) is not None


def explain(document: Mapping[str, object]) -> str:
    """A Django error body in one line, as in ``weight: A valid number is required.; rfid_uid: ...``. Never a secret."""
    return shorten("; ".join(_complaint(key, value) for key, value in document.items()) or "{}")


def shorten(text: str) -> str:
    """One line of at most MAX_REASON characters, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_REASON]).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def _complaint(key: str, value: object) -> str:
    if _SECRET_KEY.search(key):
        return f"{key}: …"
    said = " ".join(map(_said, value if isinstance(value, list) else [value]))
    return said if key in {"detail", "non_field_errors"} else f"{key}: {said}"


def _said(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:  # nested deeper than it can be written, though it could be read
        return "…"


def _unreachable(answer: Answer) -> CallResult:
    return CallResult(CallKind.UNREACHABLE, answer.status_code, answer.describe, answer.retry_after)


def _is_about_us(document: Mapping[str, object], mac_address: str) -> bool:
    theirs = document.get("mac_address")
    if theirs is None:
        return True
    return isinstance(theirs, str) and _comparable(theirs) == _comparable(mac_address)


def _comparable(mac_address: str) -> str:
    return parse_mac(mac_address) or mac_address.strip().casefold()


def _gateway_id(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= _MAX_ID and text.isprintable() else None


def _phrase(status_code: int) -> str:
    try:
        return f"{status_code} {HTTPStatus(status_code).phrase}"
    except ValueError:
        return str(status_code)
