"""What a station's backend keeps and decides, without sockets: results, each once, by their idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.ports import Secret

Reply = tuple[int, Mapping[str, object]]


@dataclass(slots=True)
class ResultTable:
    """``key``: what callers have to show; None: nothing. ``duplicate_status``: how a repeat is answered."""

    key: Secret | None = None
    duplicate_status: Literal[200, 409] = 409
    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)  # by idempotency key
    repeats: int = 0

    def add(self, shown: str | None, idempotency_key: str, body: Mapping[str, object]) -> Reply:
        """``POST api/results``."""
        if self.key is not None and shown != self.key:
            return 401, {"detail": "this key is not known here"}
        missing = [name for name in ("id", "batchId", "sequenceName", "status", "steps") if name not in body]
        if missing or body["id"] != idempotency_key:
            wrong = missing[0] if missing else "id"
            return 422, {wrong: ["This field is required." if missing else "This is not the idempotency key."]}
        if idempotency_key in self.rows:
            self.repeats += 1
            return self.duplicate_status, {"executionId": idempotency_key, "detail": "this result is here already"}
        self.rows[idempotency_key] = body
        return 201, {"executionId": idempotency_key}
