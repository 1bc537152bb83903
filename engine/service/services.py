"""What the shipped services do: store and server behind the names that charts invoke."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from engine.clock import Clock, SystemClock
from engine.ports import (
    CallKind,
    CallResult,
    CardList,
    CardListKind,
    CentralServer,
    Delivery,
    DeliveryKind,
    GatewayIdentity,
    GatewayLookup,
    LookupKind,
    Outcome,
    SaveResult,
    Secret,
    Store,
    StoreError,
    StoreFullError,
    WeighingRecord,
)
from engine.service.host import Call, ServiceFunction
from engine.service.weights import in_unit
from engine.store.cards import normal_uid
from engine.units import Quantity

log = structlog.get_logger(__name__)


FindCards = Callable[[Secret], Awaitable[CardList]]


@dataclass(slots=True)
class Credentials:
    """What the server gave us. The token stays here: no chart, event or trace ever carries it."""

    token: Secret | None = None
    gateway_id: str | None = None
    offered: GatewayLookup | None = None  # an approval that is not stored yet


@dataclass(slots=True)
class GatewayServices:
    """The services of the gateway's charts."""

    store: Store
    server: CentralServer
    identity: GatewayIdentity
    unit: str
    credentials: Credentials = field(default_factory=Credentials)
    clock: Clock = field(default_factory=SystemClock)
    # Posted, and what came of it not yet stored: if the posting was cut short, the server may have them all the same.
    in_doubt: set[str] = field(default_factory=set)
    # The server is there but did not take some: next time those that were tried least come first, or a few records
    # that never pass would hold up all the others.
    was_answered_badly: bool = False
    find_cards: FindCards | None = None  # None: the site does not take its cards from the server

    def table(self) -> dict[str, ServiceFunction]:
        """Service name -> what it does."""
        return {
            "store.load_gateway": self.load_gateway,
            "store.save_token": self.save_token,
            "store.forget_token": self.forget_token,
            "store.save_record": self.save_record,
            "store.last_record": self.last_record,
            "store.remember": self.remember,
            "store.recall": self.recall,
            "store.forget": self.forget,
            "cards.lookup": self.look_up_card,
            "cards.refresh": lambda _call: self.refresh_cards(),
            "store.pending_records": self.pending_records,
            "store.save_deliveries": self.save_deliveries,
            "server.find_gateway": self.find_gateway,
            "server.register_gateway": self.register_gateway,
            "server.send_heartbeat": self.send_heartbeat,
            "server.post_records": self.post_records,
        }

    # The gateway's registration --------------------------------------------------------------------------------------

    async def load_gateway(self, _call: Call) -> Outcome:
        """FR-01, INITIALIZE."""
        gateway = await self.store.load_gateway()
        if gateway is not None and gateway.access_token:
            self.credentials.token = gateway.access_token
            self.credentials.gateway_id = gateway.gateway_id or gateway.mac_address
            return Outcome("registered")
        return Outcome("unregistered", {"approved_before": gateway is not None and gateway.approved_at is not None})

    async def find_gateway(self, _call: Call) -> Outcome:
        """FR-01, SYNC."""
        lookup = await self.server.find_gateway(self.identity.mac_address)
        match lookup.kind:
            case LookupKind.APPROVED:
                self.credentials.offered = lookup
                return Outcome("approved", {"status": lookup.status})
            case LookupKind.PENDING:
                await self.store.save_status(lookup.status or "pending")
                return Outcome("pending", {"status": lookup.status})
            case LookupKind.MISSING:
                return Outcome("missing")
        return _unreachable(lookup.reason, lookup.retry_after)

    async def save_token(self, _call: Call) -> Outcome:
        """Store the approval that SYNC was given."""
        offered = self.credentials.offered
        if offered is None or offered.access_token is None:
            raise StoreError("there is no approval to store; SYNC has to ask the server first")
        await self.store.save_token(offered.access_token, offered.gateway_id, offered.status)
        self.credentials.token = offered.access_token
        self.credentials.gateway_id = offered.gateway_id or self.identity.mac_address
        self.credentials.offered = None
        log.info("gateway.approval.stored", token=repr(offered.access_token), status=offered.status)
        return Outcome("saved")

    async def forget_token(self, _call: Call, reason: str) -> Outcome:
        """FR-06: the server does not take our token any more."""
        self.credentials.token = None
        await self.store.forget_token(reason)
        log.warning("gateway.token.dropped", reason=reason)
        return Outcome("done")

    async def register_gateway(self, _call: Call) -> Outcome:
        """FR-01, REGISTER."""
        result = await self.server.register_gateway(self.identity)
        if result.kind is CallKind.DONE:
            log.info("gateway.registration.requested", mac_address=self.identity.mac_address)
            return Outcome("registered")
        return _refused_or_unreachable(result)

    async def send_heartbeat(self, _call: Call) -> Outcome:
        """FR-06."""
        if self.credentials.token is None:
            return Outcome("refused", {"reason": "there is no token"})
        result = await self.server.send_heartbeat(self.credentials.token)
        if result.kind is CallKind.DONE:
            await self.store.save_heartbeat()
            return Outcome("alive")
        return _refused_or_unreachable(result)

    # Records ---------------------------------------------------------------------------------------------------------

    async def save_record(
        self,
        call: Call,
        id: str,
        rfid_uid: str,
        weight: Quantity,
        measured_at: datetime,
        frame: str,
        extra: Mapping[str, object],
        take: str | None,
    ) -> Outcome:
        """FR-03: commit a weight. The same id again is the same record."""
        converted = in_unit(weight, self.unit)
        record = WeighingRecord(
            uuid=id,
            rfid_uid=rfid_uid,
            weight=converted.value,
            unit=converted.unit,
            measured_at=measured_at,
            line=call.machine,
            raw_frame=bytes.fromhex(frame),
            chart=call.chart.name,
            chart_version=call.chart.version,
            extra={name: self._in_unit(value) for name, value in extra.items()},
        )
        try:
            result = await self.store.save_record(record, take)
        except StoreFullError as error:
            return Outcome("full", {"reason": str(error)})
        if result is SaveResult.MISSING:
            log.warning("weighing.record.refused", line=call.machine, uuid=id, card=rfid_uid, missing=take)
            return Outcome("missing")
        log.info(
            "weighing.record.committed",
            line=call.machine,
            uuid=id,
            card=rfid_uid,
            weight=str(converted),
            took_ms=round((self.clock.now() - measured_at).total_seconds() * 1000, 1),  # from stable to durable
            monotonic=self.clock.monotonic(),  # what another process of this machine can compare
            **({"took": take} if take is not None else {}),
            **({"repeated": True} if result is SaveResult.KNOWN else {}),
        )
        return Outcome("saved")

    def _in_unit(self, value: object) -> object:
        """Masses beside the weight are in the weight's unit, so that they add up."""
        return in_unit(value, self.unit) if isinstance(value, Quantity) and value.dimension == "mass" else value

    async def last_record(self, call: Call) -> Outcome:
        """The newest record of the calling line."""
        record = await self.store.last_record(call.machine)
        if record is None:
            return Outcome("none")
        found = {"rfid_uid": record.rfid_uid, "weight": Quantity(record.weight, record.unit)}
        return Outcome("found", {**found, "measured_at": record.measured_at})

    async def remember(self, _call: Call, key: str, fields: Mapping[str, object], expires: float | None) -> Outcome:
        """Keep values under a key that all machines share."""
        expires_at = None if expires is None else self.clock.now() + timedelta(seconds=expires)
        await self.store.remember(key, fields, expires_at)
        log.info("store.row.remembered", key=key, fields=" ".join(fields), expires_in_s=expires)
        return Outcome("saved")

    async def recall(self, _call: Call, key: str) -> Outcome:
        """What is kept under a key."""
        found = await self.store.recall(key)
        if found is None:
            return Outcome("absent")
        return Outcome("found", {"fields": found.fields, "saved_at": found.saved_at})

    async def forget(self, _call: Call, key: str) -> Outcome:
        """Keep nothing under a key any more."""
        await self.store.forget(key)
        log.info("store.row.forgotten", key=key)
        return Outcome("done")

    async def look_up_card(self, call: Call, uid: str) -> Outcome:
        """What the local card table says of a card that was read."""
        card = await self.store.find_card(uid)
        if card is None:
            log.info("cards.card.unknown", line=call.machine, card=uid)
            return Outcome("unknown")
        if not card.is_active:
            log.info("cards.card.inactive", line=call.machine, card=uid, name=card.name)
            return Outcome("inactive", {"name": card.name})
        return Outcome("known", {"name": card.name, "kind": card.kind, "extra": dict(card.extra)})

    async def refresh_cards(self) -> Outcome:
        """Take the server's cards into the local table; those that it does not name stay as they are."""
        token = self.credentials.token
        if self.find_cards is None:
            return Outcome("unsupported", {"reason": "site.yaml has no cards.url"})
        if token is None:
            return _unreachable("there is no token", None)
        found = await self.find_cards(token)
        if found.kind is CardListKind.UNREACHABLE:
            return _unreachable(found.reason, found.retry_after)
        if found.kind is not CardListKind.DONE:
            log.info("cards.list.missed", kind=found.kind.value, reason=found.reason)
            return Outcome("unsupported", {"reason": found.reason})
        changes = await self.store.save_cards([replace(card, uid=normal_uid(card.uid)) for card in found.cards])
        log.info("cards.table.refreshed", added=changes.added, changed=changes.changed, unchanged=changes.unchanged)
        return Outcome("refreshed", {"added": changes.added, "changed": changes.changed})

    async def pending_records(self, _call: Call, limit: int) -> Outcome:
        """FR-04: what is still to be sent."""
        records = await self.store.pending_records(limit, least_tried=self.was_answered_badly)
        return Outcome("found", {"records": list(records)}) if records else Outcome("none")

    async def post_records(self, _call: Call, records: Sequence[WeighingRecord]) -> Outcome:
        """FR-04: post a few at the same time. What came of each is told, whatever happened to the others."""
        token = self.credentials.token
        if token is None:
            return Outcome("error", {"reason": "there is no token"})
        tried = [replace(r, may_have_arrived=True) if r.uuid in self.in_doubt else r for r in records]
        self.in_doubt.update(record.uuid for record in records)
        self.was_answered_badly = False
        deliveries = await asyncio.gather(*(self._post_record(record, token) for record in tried))
        return Outcome("posted", _summary(deliveries))

    async def _post_record(self, record: WeighingRecord, token: Secret) -> Delivery:
        try:
            delivery = await self.server.post_record(record, token)
        except Exception as error:
            log.exception("upload.record.failed", uuid=record.uuid)
            delivery = Delivery(record.uuid, DeliveryKind.UNREACHABLE, f"{type(error).__name__}: {error}", None, True)
        if delivery.kind is DeliveryKind.UNREACHABLE and delivery.may_have_arrived:
            self.was_answered_badly = True
        return replace(delivery, may_have_arrived=delivery.may_have_arrived or record.may_have_arrived)

    async def save_deliveries(self, _call: Call, deliveries: Sequence[Delivery]) -> Outcome:
        """FR-04: is_sent, parked, or one more attempt; in one transaction."""
        await self.store.save_deliveries(deliveries)
        self.in_doubt.difference_update(delivery.uuid for delivery in deliveries)
        for delivery in deliveries:
            if delivery.kind is DeliveryKind.DELIVERED:
                log.info("upload.record.delivered", uuid=delivery.uuid)
            elif delivery.kind is DeliveryKind.REJECTED:
                log.error("upload.record.parked", uuid=delivery.uuid, reason=delivery.reason)
        return Outcome("saved")


def _summary(deliveries: Sequence[Delivery]) -> Mapping[str, object]:
    waiting = [d for d in deliveries if d.kind in {DeliveryKind.UNREACHABLE, DeliveryKind.UNAUTHORIZED}]
    return {
        "deliveries": list(deliveries),
        "delivered": sum(d.kind is DeliveryKind.DELIVERED for d in deliveries),
        "failed": len(waiting),
        "unauthorized": any(d.kind is DeliveryKind.UNAUTHORIZED for d in deliveries),
        "retry_after": max((d.retry_after or 0.0 for d in waiting), default=0.0),
        "reason": next((d.reason for d in waiting if d.reason), ""),
    }


def _unreachable(reason: str, retry_after: float | None) -> Outcome:
    return Outcome("unreachable", {"reason": reason, "retry_after": retry_after or 0.0})


def _refused_or_unreachable(result: CallResult) -> Outcome:
    if result.kind is CallKind.REFUSED:
        return Outcome("refused", {"reason": result.reason or f"HTTP {result.status_code}"})
    return _unreachable(result.reason, result.retry_after)
