"""Where an annotation session stands: what is done, what was deferred, what comes next. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.model.sessions import Session, SessionEvent, SessionItem
from traceview.store.labels.current import current_rows

STOP_EVERY = 50
"""A natural stop after so many items."""
BREAK_SECONDS = 600.0
"""Who looks at one item for longer has left the desk: the item does not count for the pace."""


class SessionState:
    """The state of a session, from its places, its events and the rows given in it; kept up by `take`.

    `rows` are those given in it with the undo and redo rows that refer to them, `own` every row of its annotator on its
    targets, whenever given: they count at places that do not ask again. `asked` are the names of today's definitions; a
    required one that is gone asks nothing any more. `contested` are the names that are asked of each target, where a
    session does not ask the same of all: every one of them completes it.
    """

    def __init__(
        self,
        session: Session,
        items: Sequence[SessionItem],
        events: Iterable[SessionEvent] = (),
        rows: Iterable[LabelRow] = (),
        own: Iterable[LabelRow] = (),
        asked: Iterable[str] | None = None,
        contested: Mapping[Target, Collection[str]] | None = None,
    ) -> None:
        self.session = session
        self.items = tuple(items)
        known = set(session.required if asked is None else asked)
        self.required = tuple(name for name in session.required if name in known)
        self._contested = contested
        self._known = set(session.definitions) if asked is None else known
        self.closed = False
        self.blind = session.blind
        self.shown: int | None = None
        self._shown_at: str | None = None
        self._deferred: list[int] = []
        self._behind: dict[int, list[int]] = {}
        """What came after a place when it was deferred, until it is seen again."""
        self._rows_at: list[list[LabelRow]] = [[] for _ in self.items]
        self._place_of_row: dict[str, int] = {}
        self._own: dict[Target, list[LabelRow]] = {}
        self._positions: dict[Target, list[int]] = {}
        self._done: dict[int, bool] = {}
        self._values: dict[int, dict[str, LabelValue]] = {}
        self._completed: list[int] = []
        self._seconds: dict[int, float] = {}
        for item in self.items:
            self._positions.setdefault(item.target, []).append(item.position)
        given = {row.id: row for row in rows}
        for row in own:
            if row.id not in given:
                self._own.setdefault(row.target, []).append(row)
        self._replay(events, given.values())
        self._stopped_at = self.done_count // STOP_EVERY

    # What the state is.

    def values_at(self, position: int) -> dict[str, LabelValue]:
        """The annotator's values that count at a place, by name."""
        found = self._values.get(position)
        if found is None:
            found = {row.name: row.value for row in self._current_at(position)}
            self._values[position] = found
        return found

    def wordings_at(self, position: int) -> dict[str, str]:
        """The hashes of the definitions that the annotator's values at a place were given under, by name."""
        return {row.name: row.definition_hash for row in self._current_at(position) if row.definition_hash}

    def _current_at(self, position: int) -> Iterable[LabelRow]:
        rows = self._rows_at[position]
        if not self._asks_again(position):
            rows = [*self._first_answers(self._own.get(self.items[position].target, ())), *rows]
        return current_rows(_once(rows))

    def asked_at(self, position: int) -> Collection[str]:
        """The names of what is asked at a place."""
        contested = (self._contested or {}).get(self.items[position].target)
        names = self.session.definitions.keys() if contested is None else contested
        return [name for name in names if name in self._known]

    @property
    def asks_contested(self) -> bool:
        """Whether each item is asked only what was contested there."""
        return self._contested is not None

    def done(self, position: int) -> bool:
        """True once everything that completes a place has a value there."""
        found = self._done.get(position)
        if found is None:
            values = self.values_at(position)
            required = self.required if self._contested is None else self.asked_at(position)
            found = bool(required) and all(name in values for name in required)
            self._done[position] = found
        return found

    def path(self) -> list[int]:
        """Every place in the order they come: those that were deferred at the end, in the order of deferral."""
        last = set(self._deferred)
        return [one for one in range(len(self.items)) if one not in last] + self._deferred

    def open_places(self) -> list[int]:
        """The places that are not done, in the order they come."""
        return [position for position in self.path() if not self.done(position)]

    def resume(self) -> int | None:
        """Where the annotator left off: the place shown last, or the next open one if that is done or was deferred.

        None if everything is done.
        """
        if self.shown is None:
            found = self.open_places()
            return found[0] if found else None
        if not self.done(self.shown) and self.shown not in self._behind:
            return self.shown
        return self.next_open(self.shown)

    def next_open(self, position: int) -> int | None:
        """The next place that is not done, after this one and then from the beginning; None if there is none.

        Of a place that was just deferred what comes next is what stood behind it.
        """
        path = self.path()
        behind = self._behind.get(position, path[path.index(position) + 1 :])
        return next((one for one in [*behind, *path] if one != position and not self.done(one)), None)

    def step(self, position: int, by: int) -> int | None:
        """The place before or after this one, done or not; None at the ends."""
        path = self.path()
        at = path.index(position) + by
        return path[at] if 0 <= at < len(path) else None

    def number(self, position: int) -> int:
        """What place this is on the way, counted from 1."""
        return self.path().index(position) + 1

    @property
    def done_count(self) -> int:
        """How many places are done."""
        return sum(map(self.done, range(len(self.items))))

    @property
    def completed(self) -> tuple[int, ...]:
        """The places in the order in which they were first done in this session."""
        return tuple(self._completed)

    @property
    def deferred(self) -> tuple[int, ...]:
        """The places that were deferred and are not done, in the order of deferral."""
        return tuple(position for position in self._deferred if not self.done(position))

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each completed place took from its sight to the value that completed it, breaks left out."""
        return tuple(self._seconds.values())

    @property
    def median_seconds(self) -> float | None:
        """The median of `seconds`; None before the first."""
        return statistics.median(self._seconds.values()) if self._seconds else None

    @property
    def seconds_left(self) -> float | None:
        """How long the open places take at this pace; None before the first is done."""
        median = self.median_seconds
        return None if median is None else median * (len(self.items) - self.done_count)

    def take_stop(self) -> bool:
        """True once for each STOP_EVERY places that are done: a natural moment to rest."""
        stops = self.done_count // STOP_EVERY
        reached = stops > self._stopped_at
        self._stopped_at = max(stops, self._stopped_at)
        return reached

    def since_new_mode(self, known: Iterable[str] = ()) -> int:
        """How many items were done since one brought a failure mode that nobody had named before.

        `known` are the modes that were there before the session.
        """
        seen = set(known)
        count = 0
        for position in self._completed:
            modes = self.values_at(position).get("mode")
            names = set(modes) if isinstance(modes, tuple) else set()
            # An item that comes back is none more.
            came = self.items[position].repeat_of is None
            count = 0 if names - seen else count + came
            seen |= names
        return count

    def passed(self) -> dict[str, tuple[int, int]]:
        """By required definition of pass or fail, how many done items passed, of how many that did or did not."""
        found: dict[str, list[bool]] = {}
        for item in self.items:
            values = (
                self.values_at(item.position) if item.repeat_of is None and self.done(item.position) else {}
            )
            for name in self.required:
                value = values.get(name)
                if isinstance(value, bool):
                    found.setdefault(name, []).append(value)
        return {name: (sum(found[name]), len(found[name])) for name in self.required if name in found}

    def repeats(self) -> list[tuple[int, int]]:
        """The places that ask a second time and are done both times: (first, second)."""
        return [
            (item.repeat_of, item.position)
            for item in self.items
            if item.repeat_of is not None and self.done(item.position) and self._rows_at[item.repeat_of]
        ]

    def counted_at(self, position: int, rows: Sequence[LabelRow]) -> list[LabelRow]:
        """Of an item's current rows those that are shown at a place: where it is asked again, only the place's own.

        Where a session asks afresh, one's earlier values stand among those of others.
        """
        if not self._asks_again(position):
            return self._first_answers(rows)
        me = self.session.annotator
        others = [row for row in rows if not (row.source == "human" and row.annotator == me)]
        if self.items[position].repeat_of is None:
            earlier = [row for row in rows if row not in others and row.session != self.session.id]
            others += [replace(row, annotator=f"{me}, before") for row in earlier]
        return [*others, *current_rows(self._rows_at[position])]

    def given_at(self, position: int) -> dict[str, LabelValue]:
        """The values that were given at a place itself, by name."""
        return {row.name: row.value for row in current_rows(self._rows_at[position])}

    def place_of(self, action_rows: Iterable[LabelRow]) -> int | None:
        """Where in the session rows were given that an undo took back; None if elsewhere."""
        return next((self._place_of_row[row.id] for row in action_rows if row.id in self._place_of_row), None)

    # What happens to it.

    def see(self, position: int, at: str) -> None:
        """A place is on the screen since this time."""
        self.shown = position
        self._shown_at = at
        self._behind.pop(position, None)

    def keep_sight_of(self, other: SessionState) -> None:
        """Have on the screen what another state of the same session has there."""
        self.shown, self._shown_at = other.shown, other._shown_at
        self._stopped_at = max(self._stopped_at, other._stopped_at)

    def defer(self, position: int) -> None:
        """Put a place at the end of the way."""
        path = self.path()
        self._behind[position] = path[path.index(position) + 1 :]
        if position in self._deferred:
            self._deferred.remove(position)
        self._deferred.append(position)

    def take(self, rows: Iterable[LabelRow], position: int | None = None) -> None:
        """Take up rows of its annotator that were written, at a place or elsewhere; undo and redo find their own."""
        for row in rows:
            self._take_row(row, self._place_of_row.get(row.ref) if row.ref is not None else position)

    def _take_row(self, row: LabelRow, at: int | None) -> None:
        touched = self._positions.get(row.target, [])
        before = {position: self.done(position) for position in touched}
        if touched:
            self._own.setdefault(row.target, []).append(row)
        if at is not None:
            self._rows_at[at].append(row)
            self._place_of_row[row.id] = at
        for position in touched:
            del self._done[position]
            self._values.pop(position, None)
        if at is not None and not before.get(at, False) and self.done(at) and at not in self._completed:
            self._completed.append(at)
            if self.shown == at and self._shown_at is not None:
                seconds = _seconds_between(self._shown_at, row.created_at)
                if 0 <= seconds <= BREAK_SECONDS:
                    self._seconds[at] = seconds

    def _replay(self, events: Iterable[SessionEvent], rows: Iterable[LabelRow]) -> None:
        """Let everything happen again, in order of time."""
        by_action: dict[str, list[LabelRow]] = {}
        happened: list[tuple[str, str, SessionEvent | LabelRow]] = []
        for row in rows:
            if row.ref is not None:
                happened.append((row.created_at, row.id, row))
            elif row.action_id is not None:
                by_action.setdefault(row.action_id, []).append(row)
        happened += [(event.created_at, event.id, event) for event in events]
        for _, _, one in sorted(happened, key=lambda entry: entry[:2]):
            if isinstance(one, LabelRow):
                self.take([one])
            else:
                self._replay_event(one, by_action)

    def _replay_event(self, event: SessionEvent, by_action: dict[str, list[LabelRow]]) -> None:
        if event.kind in ("closed", "reopened"):
            self.closed = event.kind == "closed"
        elif event.kind in ("blind", "sighted"):
            self.blind = event.kind == "blind"
        elif event.position is None or not 0 <= event.position < len(self.items):
            return
        elif event.kind == "shown":
            self.see(event.position, event.created_at)
        elif event.kind == "deferred":
            self.defer(event.position)
        else:
            self.take(by_action.get(event.action_id or "", ()), event.position)

    def _first_answers(self, rows: Iterable[LabelRow]) -> list[LabelRow]:
        """The rows without those that were given where an item came back: they are no answer to the first question."""
        return [row for row in rows if not self._came_back(self._place_of_row.get(row.ref or row.id))]

    def _came_back(self, position: int | None) -> bool:
        return position is not None and self.items[position].repeat_of is not None

    def _asks_again(self, position: int) -> bool:
        return self.session.fresh or self.items[position].repeat_of is not None


def agreement_pairs(
    state: SessionState, names: Iterable[str] | None = None
) -> Mapping[str, list[tuple[LabelValue, LabelValue]]]:
    """What an annotator said first and the second time, by definition: the pairs of the places that ask again."""
    pairs: dict[str, list[tuple[LabelValue, LabelValue]]] = {}
    for first, second in state.repeats():
        before, after = state.given_at(first), state.given_at(second)
        for name in state.required if names is None else names:
            if name in before and name in after:
                pairs.setdefault(name, []).append((before[name], after[name]))
    return pairs


def _once(rows: Iterable[LabelRow]) -> list[LabelRow]:
    return list({row.id: row for row in rows}.values())


def _seconds_between(start: str, end: str) -> float:
    return (_moment(end) - _moment(start)).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
