"""The borders between the service and the outside, as plain types: what is stored, sent and answered.

Adapters (``engine.store``, ``engine.net``) implement the protocols; the service composes them; tests have twins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from engine.errors import EngineError
from engine.events import NO_DATA

NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class Secret(str):
    """A text that never shows more than its last four characters in a log, a trace or an error."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Secret('…{self[-4:]}')" if len(self) > 8 else "Secret('…')"  # noqa: PLR2004 - short ones show nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invoked service answers: one of its declared outcomes, with that outcome's typed payload."""

    name: str
    payload: Mapping[str, object] = field(default_factory=lambda: NO_DATA)


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """How this gateway presents itself to the central server (FR-01; 5.1 of the requirements)."""

    mac_address: str
    hostname: str
    ip_address: str
    name: str


@dataclass(frozen=True, slots=True)
class StoredGateway:
    """The local ``gateway`` row (4.1 of the requirements) and what is kept beside it."""

    mac_address: str
    hostname: str
    ip_address: str
    access_token: Secret | None
    status: str
    gateway_id: str | None = None  # the server's id for us, when it sent one
    approved_at: datetime | None = None  # the first approval ever; survives a lost token
    last_heartbeat: datetime | None = None


@dataclass(frozen=True, slots=True)
class WeighingRecord:
    """A committed weight (4.2 of the requirements) and the evidence beside it."""

    uuid: str
    rfid_uid: str
    weight: Decimal  # exact, in ``unit``
    unit: str
    measured_at: datetime  # aware, UTC
    line: str
    raw_frame: bytes = b""
    chart: str = ""
    chart_version: str = ""
    # What the chart keeps beside the weight (texts, flags, numbers, masses, times): a truck's gross and tare, say.
    extra: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)
    took: str | None = None  # the key of the remembered row that this record consumed
    is_sent: bool = False
    sequence: int | None = None  # given by the store at commit: 1, 2, 3 ... without reuse
    attempts: int = 0
    may_have_arrived: bool = False  # an earlier attempt left us without a clear answer, or the process died meanwhile
    last_error: str | None = None
    rejected_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was kept under a key, and since when."""

    fields: Mapping[str, object]
    saved_at: datetime  # aware, UTC


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one card: whose it is, or what it stands for."""

    uid: str  # upper-case hexadecimal digits; '?' for those that are not known (engine.store.cards)
    name: str = ""
    is_active: bool = True
    kind: str = ""  # such as owner or species, where two cards make one record
    extra: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS, hash=False)  # whatever else the site keeps


@dataclass(frozen=True, slots=True)
class CardChanges:
    """What saving cards changed, or would change."""

    added: int
    changed: int
    unchanged: int
    removed: int


class CardListKind(Enum):
    """What asking a server for its cards came to."""

    DONE = "done"
    UNSUPPORTED = "unsupported"  # this server has no such list
    REFUSED = "refused"  # it does not take our token
    UNREACHABLE = "unreachable"  # says nothing about the cards


@dataclass(frozen=True, slots=True)
class CardList:
    """A server's cards, with numbers as it wrote them."""

    kind: CardListKind
    cards: tuple[Card, ...] = ()
    reason: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How many records there are, and where they stand. ``waiting`` is the outbox depth."""

    total: int
    sent: int
    waiting: int
    rejected: int


class StoreError(EngineError):
    """The local store could not do what was asked; nothing of it was committed."""


class StoreFullError(StoreError):
    """The disk has no room for another record."""


class StoreLockedError(StoreError):
    """Another service has this database open."""


class SaveResult(Enum):
    """How a commit ended."""

    SAVED = "saved"  # the row is new and durable
    KNOWN = "known"  # the same uuid with the same content was durable already: a repeat, not a second record
    MISSING = "missing"  # nothing was committed: the remembered row that the record was to take is not there


class DeliveryKind(Enum):
    """What one attempt to upload a record came to (DESIGN, 'Talking to the central server')."""

    DELIVERED = "delivered"  # the server has it: 200/201/409 with JSON, or 400 on uuid alone after a doubtful attempt
    REJECTED = "rejected"  # any other 400 or 422: this record will never pass; park it with its reason
    UNAUTHORIZED = "unauthorized"  # 401 or 403: the token is no longer good
    UNREACHABLE = "unreachable"  # anything else: network, 5xx, HTML, a redirect, a time-out; try again later


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to upload one record."""

    uuid: str
    kind: DeliveryKind
    reason: str = ""
    retry_after: float | None = None  # seconds, when the server asked for a pause
    may_have_arrived: bool = False  # the request left us and no clear answer came back


class LookupKind(Enum):
    """What the server knows of this gateway (FR-01, SYNC)."""

    MISSING = "missing"  # 404
    PENDING = "pending"  # registered, no access_token yet, whatever the word in status
    APPROVED = "approved"  # registered, with an access_token
    UNREACHABLE = "unreachable"  # network error, 5xx, not our JSON ...: says nothing about the registration


@dataclass(frozen=True, slots=True)
class GatewayLookup:
    """The answer to ``GET devices/api/gateways/{mac}/``."""

    kind: LookupKind
    status: str = ""
    access_token: Secret | None = None
    gateway_id: str | None = None
    reason: str = ""
    retry_after: float | None = None


class CallKind(Enum):
    """What a registration POST or a heartbeat came to."""

    DONE = "done"  # the server took it
    REFUSED = "refused"  # a clear 4xx with our server's JSON; a registration may be known already
    UNREACHABLE = "unreachable"  # says nothing about the registration


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to a registration POST or a heartbeat; ``status_code`` 0 when there was none."""

    kind: CallKind
    status_code: int = 0
    reason: str = ""
    retry_after: float | None = None


class Store(Protocol):
    """The local database. Every method returns after its commit is durable. All raise StoreError."""

    async def load_gateway(self) -> StoredGateway | None:
        """The gateway row, or None when this database has never had one."""
        ...

    async def save_identity(self, identity: GatewayIdentity) -> StoredGateway:
        """Insert or update mac, hostname and address; an existing token, status and approval stay."""
        ...

    async def save_token(self, token: Secret, gateway_id: str | None, status: str) -> None:
        """The gateway is approved: keep its token; ``approved_at`` is set the first time only."""
        ...

    async def save_status(self, status: str) -> None:
        """What the server last said of this gateway (``pending``, ``active`` ...)."""
        ...

    async def forget_token(self, reason: str) -> None:
        """Drop the local token. Weighing records are untouched."""
        ...

    async def save_heartbeat(self) -> None:
        """The server answered a heartbeat now."""
        ...

    async def save_record(self, record: WeighingRecord, take: str | None = None) -> SaveResult:
        """Commit a record and its place in the outbox in one transaction, then journal it.

        ``take``: the row remembered under that key is consumed in the same transaction, so that it becomes one record
        and no second one; a repeat of the record is KNOWN and consumes nothing. Without such a row (it has expired, or
        another record took it) the answer is MISSING.
        Raises StoreFullError when the disk is full, StoreError when the uuid exists with other content.
        """
        ...

    async def pending_records(self, limit: int, *, least_tried: bool = False) -> Sequence[WeighingRecord]:
        """At most ``limit`` records that are neither sent nor parked, oldest sequence first.

        ``least_tried``: those with the fewest attempts first, so that some that never pass do not hold up the others.
        """
        ...

    async def last_record(self, line: str) -> WeighingRecord | None:
        """The newest record of a line, or None when it has never had one."""
        ...

    async def save_deliveries(self, deliveries: Collection[Delivery]) -> None:
        """Note a batch of attempts in one transaction: sent, parked with a reason, or one more failed attempt."""
        ...

    async def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        ...

    async def remember(self, key: str, fields: Mapping[str, object], expires_at: datetime | None = None) -> None:
        """Keep typed values (texts, flags, numbers, masses, times) under a key, in place of what was there.

        Raises StoreError for a key or a value that cannot be kept.
        """
        ...

    async def recall(self, key: str) -> Remembered | None:
        """What is kept under a key; None when there is nothing, or it has expired."""
        ...

    async def forget(self, key: str) -> None:
        """Keep nothing under this key any more; nothing happens when there was nothing."""
        ...

    async def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``; one that is not active is found as well."""
        ...

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        """Add cards, or change those that are known by their numbers, all in one transaction.

        ``replace``: cards that are not among them are removed. ``dry_run``: only tell what would change.
        Raises StoreError for a card that cannot be stored or is given twice.
        """
        ...

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        """At most ``limit`` cards in the order of their numbers, those behind ``after``."""
        ...


class Snapshots(Protocol):
    """Where the snapshots of machines that survive a restart are kept. All raise StoreError."""

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot durably, in place of its last one."""
        ...

    async def load_snapshot(self, machine: str) -> str | None:
        """The last snapshot of a machine, or None."""
        ...

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        ...


class CentralServer(Protocol):
    """The central Django server over HTTP (DESIGN, 'Talking to the central server'). Never raises on an answer."""

    async def find_gateway(self, mac_address: str) -> GatewayLookup:
        """``GET devices/api/gateways/{mac}/``."""
        ...

    async def register_gateway(self, identity: GatewayIdentity) -> CallResult:
        """``POST devices/api/gateways/``."""
        ...

    async def send_heartbeat(self, token: Secret) -> CallResult:
        """``POST devices/api/gateways/heartbeat/``; REFUSED for 401, 403 and 404 only."""
        ...

    async def post_record(self, record: WeighingRecord, token: Secret) -> Delivery:
        """``POST api/weighing/records/``. Uses ``record.may_have_arrived`` to judge a 400 on uuid alone."""
        ...


class StreamConnection(Protocol):
    """One open WebSocket to ``ws/devices/{gateway_id}/``."""

    def commands(self) -> AsyncIterator[str]:
        """The server's commands (``START_STREAM``, ``STOP_STREAM``) until the connection ends; others are logged."""
        ...

    async def send(self, message: Mapping[str, object]) -> None:
        """Send one message as JSON. Raises StreamClosedError."""
        ...

    async def close(self) -> None:
        """Close it, in at most a second."""
        ...


class StreamClosedError(EngineError):
    """The stream ended or could not be opened; ``status_code`` is the HTTP answer when it was refused, else 0."""

    def __init__(self, reason: str, status_code: int = 0, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status_code = status_code
        self.retry_after = retry_after
