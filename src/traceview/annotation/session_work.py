"""One annotator at work on one session: every step is written, so that it goes on exactly where it stopped."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, wait

from traceview.annotation.service import Action, Annotator
from traceview.annotation.session_again import CONFLICTS, contested_in
from traceview.annotation.session_state import SessionState
from traceview.model.errors import BadInput
from traceview.model.sessions import Session, SessionEventKind, SessionPlace
from traceview.store.labels import rows as codec
from traceview.store.labels import sessions as stored
from traceview.store.labels.store import LabelStore


class SessionWork:
    """A session that is being worked on. `open` reads the file; the `..._soon` methods do not wait for the disk."""

    def __init__(self, annotator: Annotator, state: SessionState) -> None:
        self.annotator = annotator
        self.state = state
        self._steps = 0
        """How many steps this work took: what was read before the last of them does not know it."""
        self._written: Future[None] | None = None
        """The last event on its way to the disk; those before it are there first."""

    @classmethod
    def open(cls, annotator: Annotator, session: Session) -> SessionWork:
        """Take a session up where it was left. Raises BadInput if it belongs to somebody else."""
        if session.annotator != annotator.name:
            raise BadInput(
                f"the session {session.name} belongs to {session.annotator}, and you label as {annotator.name}",
                hint="begin one of your own, or name yourself with --annotator",
            )
        return cls(annotator, state_of(annotator.store, session, annotator.definitions))

    @property
    def session(self) -> Session:
        """What was decided when it was made."""
        return self.state.session

    def place(self, position: int) -> SessionPlace:
        """Where a label is given, for the annotator's methods."""
        return SessionPlace(self.session.id, position)

    def see_soon(self, position: int) -> Future[None]:
        """A place is on the screen now: this is where the session goes on."""
        self.state.see(position, codec.now())
        return self._event("shown", position)

    def defer_soon(self, position: int) -> Future[None]:
        """Put a place at the end."""
        self.state.defer(position)
        return self._event("deferred", position)

    def set_blind_soon(self, blind: bool) -> Future[None]:
        """What others said is hidden, or not, from now on."""
        self.state.blind = blind
        return self._event("blind" if blind else "sighted")

    def close_soon(self, closed: bool = True) -> Future[None]:
        """End the session, or open it again."""
        self.state.closed = closed
        return self._event("closed" if closed else "reopened")

    def take(self, action: Action, position: int | None) -> None:
        """Take up an action that was committed; `position` is the place it was meant for."""
        self.state.take(action.rows, position)
        self._steps += 1

    @property
    def steps(self) -> int:
        """How many steps this work took."""
        return self._steps

    def read_again(self) -> SessionState:
        """The state as the file tells it now; it may be worked on elsewhere too.

        Waits for own events on their way. Raises BadInput where the file does not have the session any more.
        """
        written = self._written
        if written is not None:
            wait([written])
        state = state_of(self.annotator.store, self.session, self.annotator.definitions)
        if len(state.items) < len(self.state.items):
            raise BadInput(
                "the label file was moved, removed or replaced: this session is not in it any more",
                hint=f"put it back as {self.annotator.store.path}",
            )
        return state

    def take_up(self, state: SessionState, steps: int) -> bool:
        """Go on with a state that was read again when this work had taken so many steps.

        False, and nothing is taken up, if it took more since: the state does not know them. The place that is shown
        here stays the one that is shown.
        """
        if steps != self._steps:
            return False
        state.keep_sight_of(self.state)
        self.state = state
        return True

    def _event(self, kind: SessionEventKind, position: int | None = None) -> Future[None]:
        session = self.session.id
        self._steps += 1
        self._written = self.annotator.store.transact(
            lambda transaction: stored.add_event(transaction, kind, session, position)
        )
        return self._written


def state_of(store: LabelStore, session: Session, asked: Collection[str] | None = None) -> SessionState:
    """Where a session stands, read from its file; `asked` has the names of today's definitions."""
    return SessionState(
        session,
        stored.items(store, session.id),
        stored.events(store, session.id),
        stored.session_rows(store, session.id),
        stored.own_rows(store, session),
        asked,
        contested_in(store, session) if session.rule.startswith(CONFLICTS) else None,
    )


def open_sessions(store: LabelStore, annotator: str) -> tuple[Session, ...]:
    """The sessions of an annotator that were not closed, the one worked on last at the end."""
    own = {session.id: session for session in stored.sessions(store, annotator=annotator)}
    closed: set[str] = set()
    last = {id: session.created_at for id, session in own.items()}
    for event in stored.events(store):
        if event.session not in own:
            continue
        last[event.session] = event.created_at
        if event.kind == "closed":
            closed.add(event.session)
        elif event.kind == "reopened":
            closed.discard(event.session)
    return tuple(sorted((own[id] for id in own.keys() - closed), key=lambda one: (last[one.id], one.id)))


def find_session(store: LabelStore, text: str, annotator: str | None = None) -> Session:
    """The session with this name, id or unique beginning of an id; of one annotator's, if given.

    Of several with one name it is the newest. Raises BadInput.
    """
    found = stored.sessions(store, annotator=annotator)
    named = [session for session in found if session.name == text]
    if named:
        return named[-1]
    begins = [session for session in found if text and session.id.startswith(text)]
    if len(begins) == 1:
        return begins[0]
    if begins:
        raise BadInput(f"{len(begins)} sessions have an id that begins with {text}", hint="give more of it")
    if annotator is not None:
        others = [session for session in sessions_called(store, text) if session.annotator != annotator]
        if others:
            raise BadInput(
                f"the session {others[-1].name} belongs to {others[-1].annotator}, and you label as {annotator}",
                hint=f"--annotator {others[-1].annotator}",
            )
    names = ", ".join(sorted({session.name for session in found})[:10])
    raise BadInput(
        f"there is no session {text}", hint=f"there are: {names}" if names else "there is none yet"
    )


def sessions_called(store: LabelStore, text: str) -> tuple[Session, ...]:
    """Everybody's sessions of this name or id, the oldest first."""
    return tuple(one for one in stored.sessions(store) if text in (one.name, one.id))
