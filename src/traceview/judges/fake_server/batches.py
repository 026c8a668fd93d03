"""Message batches of the fake server: they end after a while, and their results come in no order."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

ResultOf = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class Batches:
    """The batches of one server, which take so many `seconds`.

    `result_of` gives the `result` of a request by its custom id and its parameters.
    """

    def __init__(self, seconds: float, result_of: ResultOf) -> None:
        self.seconds = seconds
        self._result_of = result_of
        self._batches: list[dict[str, Any]] = []
        self._chance = random.Random(7)
        self.clock = 0.0
        """Seconds that the clock of the server is ahead."""
        self.unlisted = False
        """Whether the list of batches is empty, whatever there is."""
        self.missing = 0
        """How many results each file of results lacks, for so long as this is not 0."""

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a batch."""
        batch = {
            "id": f"msgbatch_{len(self._batches):06d}",
            "created": time.time(),
            "requests": list(body["requests"]),
            "cancelled": False,
            "results": None,
        }
        self._batches.append(batch)
        return self._shown(batch)

    def listed(self, limit: int, after: str | None) -> dict[str, Any]:
        """The batches, the newest first, those after an id."""
        newest = [] if self.unlisted else list(reversed(self._batches))
        start = next((place + 1 for place, one in enumerate(newest) if one["id"] == after), 0)
        page = newest[start : start + limit]
        return {
            "data": [self._shown(one) for one in page],
            "has_more": start + limit < len(newest),
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }

    def get(self, id: str) -> dict[str, Any] | None:
        """A batch as it stands."""
        found = self._found(id)
        return None if found is None else self._shown(found)

    def cancel(self, id: str) -> dict[str, Any] | None:
        """Cancel what of a batch is not done."""
        found = self._found(id)
        if found is None:
            return None
        if not self._ended(found):
            found["cancelled"] = True
            found["created"] = time.time() - self.seconds
        return self._shown(found)

    def results(self, id: str) -> bytes | None:
        """The results as JSON lines, in no order; None for a batch that has not ended."""
        found = self._found(id)
        if found is None or not self._ended(found):
            return None
        if found["results"] is None:
            lines = [self._line(found, request) for request in found["requests"]]
            self._chance.shuffle(lines)
            found["results"] = b"\n".join(lines)
        results: bytes = found["results"]
        return b"\n".join(results.split(b"\n")[self.missing :])

    def _line(self, batch: Mapping[str, Any], request: Mapping[str, Any]) -> bytes:
        cancelled = {"type": "canceled"}
        result = cancelled if batch["cancelled"] else self._result_of(request["custom_id"], request["params"])
        return json.dumps({"custom_id": request["custom_id"], "result": result}).encode()

    def _found(self, id: str) -> dict[str, Any] | None:
        return next((one for one in self._batches if one["id"] == id), None)

    def _ended(self, batch: Mapping[str, Any]) -> bool:
        return time.time() - float(batch["created"]) >= self.seconds

    def _shown(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        ended = self._ended(batch)
        count = len(batch["requests"])
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["processing" if not ended else "canceled" if batch["cancelled"] else "succeeded"] = count
        created = datetime.fromtimestamp(float(batch["created"]) + self.clock, UTC)
        return {
            "id": batch["id"],
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": created.isoformat(),
            "expires_at": datetime.fromtimestamp(float(batch["created"]) + 86400, UTC).isoformat(),
            "ended_at": created.isoformat() if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"/v1/messages/batches/{batch['id']}/results" if ended else None,
        }
