"""What the central server knows and decides, without sockets: gateways, tokens, records (requirements, section 5).

Bodies and errors are shaped as Django REST framework shapes them; approve, revoke and delete are what an operator does.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from engine.clock import Clock
from engine.net.mac import parse_mac
from engine.net.wire import CONTRACT_FIELDS
from engine.ports import Secret

DuplicateStyle = Literal["400", "409", "200"]
Reply = tuple[int, Mapping[str, object]]

_REQUIRED: Final = "This field is required."
_BLANK: Final = "This field may not be blank."
_CARDS_A_PAGE: Final = 100
_LENGTHS: Final = {"mac_address": 17, "hostname": 255, "ip_address": 15, "name": 255}


@dataclass(slots=True)
class GatewayRow:
    """A gateway as the server keeps it. Approved is one with an ``access_token``."""

    id: int
    mac_address: str
    hostname: str
    ip_address: str
    name: str
    registered_at: float  # the clock's monotonic seconds
    status: str = "pending"
    access_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A weighing record as it arrived; ``weight`` digit for digit as it stood in the JSON."""

    uuid: str
    rfid_uid: str
    weight: Decimal
    measured_at: datetime
    gateway: str  # the MAC address of the gateway whose token it came with
    arrived_at: datetime
    arrived_monotonic: float
    extra: Mapping[str, object] = field(default_factory=dict)  # what came beyond the contract, numbers digit for digit


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life that was answered with 200."""

    gateway: str
    arrived_at: datetime


@dataclass(slots=True)
class Backend:
    """The server's tables and its answers to each request."""

    clock: Clock
    auto_approve_after: float | None = None  # seconds from registration to approval; None: an operator approves
    duplicate_style: DuplicateStyle = "400"  # how a second POST of one uuid is answered
    sends_id: bool = True  # whether a gateway's JSON holds ``id``; without it, its stream is named by the MAC address
    gateways: dict[str, GatewayRow] = field(default_factory=dict)
    records: list[RecordRow] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    cards: list[Mapping[str, object]] | None = None  # None: a server without the list, as the requirements have it
    _uuids: dict[str, RecordRow] = field(default_factory=dict)
    _deleted_tokens: set[str] = field(default_factory=set)
    _next_id: int = 1

    def find(self, mac_address: str) -> Reply:
        """``GET devices/api/gateways/{mac}/``."""
        gateway = self.gateways.get(_key(mac_address))
        if gateway is None:
            return 404, {"detail": "No Gateway matches the given query."}
        waited = self.clock.monotonic() - gateway.registered_at
        if gateway.status == "pending" and self.auto_approve_after is not None and waited >= self.auto_approve_after:
            self.approve(gateway.mac_address)
        return 200, self._gateway_json(gateway)

    def register(self, body: Mapping[str, object]) -> Reply:
        """``POST devices/api/gateways/``; a second one for the same MAC address is a 400, as a serializer makes it."""
        errors = {name: reason for name, length in _LENGTHS.items() if (reason := _text_error(body.get(name), length))}
        mac_address = parse_mac(str(body.get("mac_address", "")))
        if "mac_address" not in errors and mac_address is None:
            errors["mac_address"] = ["Enter a valid MAC address."]
        if mac_address in self.gateways:
            errors["mac_address"] = ["gateway with this mac address already exists."]
        if errors or mac_address is None:
            return 400, errors
        gateway = GatewayRow(
            id=self._next_id,
            mac_address=mac_address,
            hostname=str(body["hostname"]),
            ip_address=str(body["ip_address"]),
            name=str(body["name"]),
            registered_at=self.clock.monotonic(),
        )
        self._next_id += 1
        self.gateways[mac_address] = gateway
        return 201, self._gateway_json(gateway)

    def heartbeat(self, token: str | None) -> Reply:
        """``POST devices/api/gateways/heartbeat/``: 401 for no or a wrong token, 404 once the gateway is deleted."""
        if token in self._deleted_tokens:
            return 404, {"detail": "No Gateway matches the given query."}
        gateway = self.owner(token)
        if gateway is None:
            return 401, unauthorized(token)
        self.heartbeats.append(Heartbeat(gateway.mac_address, self.clock.now()))
        return 200, {"status": gateway.status}

    def add_record(self, token: str | None, body: Mapping[str, object]) -> Reply:
        """``POST api/weighing/records/``: 201 and the record, or a serializer's 400."""
        gateway = self.owner(token)
        if gateway is None:
            return 401, unauthorized(token)
        errors, row = self._validate(body, gateway)
        if row is None:
            return 400, errors
        if row.uuid in self._uuids:
            return self._duplicate(self._uuids[row.uuid])
        self._uuids[row.uuid] = row
        self.records.append(row)
        return 201, _record_json(row)

    def cards_page(self, token: str | None, page: int) -> Reply:
        """``GET api/cards/?page=N``: a page of the cards; 404 while this server has none."""
        if self.cards is None:
            return 404, {"detail": "Not found."}
        if self.owner(token) is None:
            return 401, unauthorized(token)
        start = (page - 1) * _CARDS_A_PAGE
        following = f"/api/cards/?page={page + 1}" if len(self.cards) > start + _CARDS_A_PAGE else None
        return 200, {"results": self.cards[start : start + _CARDS_A_PAGE], "next": following}

    def approve(self, mac_address: str, token: str | None = None) -> Secret:
        """Give the gateway a token (the one it has already, if it has one). Raises KeyError for an unknown gateway."""
        gateway = self.gateways[_key(mac_address)]
        if gateway.access_token is None or token is not None:
            gateway.access_token = Secret(token or secrets.token_hex(32))
        gateway.status = "active"
        return gateway.access_token

    def revoke(self, mac_address: str) -> None:
        """Take the token away; the gateway stays registered and waits again. Raises KeyError."""
        gateway = self.gateways[_key(mac_address)]
        gateway.access_token, gateway.status = None, "inactive"

    def delete(self, mac_address: str) -> None:
        """Forget the gateway; its records stay. Raises KeyError."""
        gateway = self.gateways.pop(_key(mac_address))
        if gateway.access_token is not None:
            self._deleted_tokens.add(gateway.access_token)

    def owner(self, token: str | None) -> GatewayRow | None:
        """The gateway that this token was given to, if it still holds."""
        return next((g for g in self.gateways.values() if token and g.access_token == token), None)

    def gateway_of_stream(self, gateway_id: str) -> GatewayRow | None:
        """The gateway named in ``ws/devices/{gateway_id}/``: by its id, or by its MAC address when ids are not sent."""
        if self.sends_id:
            return next((g for g in self.gateways.values() if str(g.id) == gateway_id), None)
        return self.gateways.get(_key(gateway_id))

    def _gateway_json(self, gateway: GatewayRow) -> Mapping[str, object]:
        shown: dict[str, object] = {"id": gateway.id} if self.sends_id else {}
        return shown | {
            "mac_address": gateway.mac_address,
            "hostname": gateway.hostname,
            "ip_address": gateway.ip_address,
            "name": gateway.name,
            "status": gateway.status,
            "access_token": gateway.access_token,
        }

    def _validate(self, body: Mapping[str, object], gateway: GatewayRow) -> tuple[dict[str, object], RecordRow | None]:
        record_uuid, measured_at = _uuid(body.get("uuid")), _time(body.get("measured_at"))
        errors: dict[str, object] = {}
        if record_uuid is None:
            errors["uuid"] = [_REQUIRED if "uuid" not in body else "Must be a valid UUID."]
        elif record_uuid in self._uuids and self.duplicate_style == "400":
            errors["uuid"] = ["weighing record with this uuid already exists."]
        if reason := _text_error(body.get("rfid_uid"), 50):
            errors["rfid_uid"] = reason
        weight = _number(body.get("weight"))
        if weight is None:
            errors["weight"] = [_REQUIRED if "weight" not in body else "A valid number is required."]
        if measured_at is None:
            errors["measured_at"] = ["Datetime has wrong format. Use YYYY-MM-DDThh:mm[:ss[.uuuuuu]]+HH:MM instead."]
        if errors or record_uuid is None or weight is None or measured_at is None:
            return errors, None
        now, elapsed = self.clock.now(), self.clock.monotonic()
        extra = {name: value for name, value in body.items() if name not in CONTRACT_FIELDS}
        card = str(body["rfid_uid"])
        return {}, RecordRow(record_uuid, card, weight, measured_at, gateway.mac_address, now, elapsed, extra)

    def _duplicate(self, row: RecordRow) -> Reply:
        if self.duplicate_style == "409":
            return 409, {"detail": "This record exists already.", "uuid": row.uuid}
        return 200, _record_json(row)


def unauthorized(token: str | None) -> Mapping[str, object]:
    """The body of a 401, as Django REST framework words it."""
    if not token:
        return {"detail": "Authentication credentials were not provided."}
    return {"detail": "Invalid token."}


def _record_json(row: RecordRow) -> Mapping[str, object]:
    return {
        "uuid": row.uuid,
        "rfid_uid": row.rfid_uid,
        "weight": row.weight,
        "measured_at": row.measured_at.isoformat(),
        **row.extra,
    }


def _key(mac_address: str) -> str:
    return parse_mac(mac_address) or mac_address


def _text_error(value: object, max_length: int) -> list[str]:
    if value is None:
        return [_REQUIRED]
    if not isinstance(value, str):
        return ["Not a valid string."]
    if not value.strip():
        return [_BLANK]
    return [f"Ensure this field has no more than {max_length} characters."] if len(value) > max_length else []


def _uuid(value: object) -> str | None:
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _number(value: object) -> Decimal | None:
    """A JSON number, read without a float in between; a number in quotes is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return Decimal(value)


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
