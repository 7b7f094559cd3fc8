"""Where a Live session stands: one table over states and steps, the same seen from both ends.

Strategy. Every message is one or several steps. A step that the table does not have in a state is
refused: before sending as InvalidState, on receiving as ProtocolError. Messages of the two sides
cross each other on the way, so the table holds nothing against what was right when it was sent:
a turn may be asked for while another ends, and a turn that our own words interrupt is followed by
another.

Source: the order rules of https://ai.google.dev/gemini-api/docs/live-guide.
"""

from __future__ import annotations

import enum

from ...errors import InvalidState
from ...wire.live.server_message import SessionResumptionUpdate
from ...wire.live.setup import LiveSetup
from .setup_check import typed_setup
from .tool_calls import ToolCalls

__all__ = ("TRANSITIONS", "Progress", "SessionState", "Step")


class SessionState(enum.Enum):
    """What a session waits for."""

    CONNECTING = "connecting"  # for the client's setup
    SETTING_UP = "setting up"  # for the service to accept it
    READY = "ready"  # for the user
    IN_TURN = "in turn"  # for the model
    CLOSED = "closed"

    # By identity: Enum hashes in Python, and every message looks into the table.
    __hash__ = object.__hash__


class Step(enum.Enum):
    """What a message does to a session."""

    SETUP = "a setup"
    SETUP_COMPLETE = "setupComplete"
    INPUT = "input"
    QUESTION = "a turn of the user"
    TOOL_RESPONSE = "a tool response"
    OUTPUT = "the model's output"
    INTERRUPTION = "an interruption"
    TURN_END = "the end of a turn"
    NOTICE = "a notice"  # of tokens, voices, handles, farewell: any time after the setup
    CLOSE = "a close"

    __hash__ = object.__hash__


_S = SessionState
# The two states of a session that is up, which know the same steps.
_UP = {
    Step.INPUT: None,
    Step.TOOL_RESPONSE: None,
    Step.NOTICE: None,
    Step.INTERRUPTION: None,
    Step.QUESTION: _S.IN_TURN,
    Step.OUTPUT: _S.IN_TURN,
    Step.TURN_END: _S.READY,
    Step.CLOSE: _S.CLOSED,
}
TRANSITIONS: dict[SessionState, dict[Step, SessionState]] = {
    _S.CONNECTING: {Step.SETUP: _S.SETTING_UP, Step.CLOSE: _S.CLOSED},
    _S.SETTING_UP: {
        Step.SETUP_COMPLETE: _S.READY,
        Step.NOTICE: _S.SETTING_UP,
        Step.CLOSE: _S.CLOSED,
    },
    _S.READY: {step: to or _S.READY for step, to in _UP.items()},
    _S.IN_TURN: {step: to or _S.IN_TURN for step, to in _UP.items()},
    _S.CLOSED: {},
}
_WAIT = {
    _S.CONNECTING: "the setup comes first",
    _S.SETTING_UP: "wait for setupComplete",
    _S.READY: "the session is set up already",
    _S.IN_TURN: "the session is set up already",
    _S.CLOSED: "open another session",
}


class Progress:
    """The state of one connection, kept by each end for itself.

    ``is_constrained``: it was opened with an ephemeral token, which may have settled what the setup
    does not say.
    """

    __slots__ = (
        "_asked",
        "_asked_late",
        "_has_output",
        "_is_interrupted",
        "calls",
        "detects_activity",
        "handle",
        "is_constrained",
        "is_history",
        "is_speaking",
        "state",
    )

    def __init__(self, *, is_constrained: bool = False) -> None:
        self.is_constrained = is_constrained
        self.state = SessionState.CONNECTING
        self.calls = ToolCalls()
        self.handle: str | None = None  # the newest to go on from
        # None: a token may have settled it unseen.
        self.detects_activity: bool | None = None
        self.is_speaking = False  # between the client's activity start and end
        self.is_history = False  # the next turn of the user is not to be answered
        self._asked = 0  # turns of the user that have not been answered
        self._asked_late = 0  # those of them that came after the open turn's first output
        self._has_output = False  # in the open turn
        self._is_interrupted = False  # the open turn is

    @property
    def has_output(self) -> bool:
        """True once the model has said something in the open turn."""
        return self._has_output

    @property
    def owed(self) -> int:
        """How many turns of the user have not been answered."""
        return self._asked

    def check(self, step: Step) -> None:
        """Raise InvalidState when the session is not where ``step`` can be taken."""
        if step not in TRANSITIONS[self.state]:
            raise InvalidState(
                f"{step.value} cannot come while the session is {self.state.value}: "
                f"{_WAIT[self.state]}"
            )

    def take(self, step: Step) -> None:
        """Go on by a step that ``check`` let through."""
        self.state = TRANSITIONS[self.state][step]

    def begin(self, setup: LiveSetup) -> None:
        """Note what the setup settles for the session."""
        self.take(Step.SETUP)
        typed = typed_setup(setup)
        self.detects_activity = None if self.is_constrained else typed.detects_activity
        self.is_history = typed.begins_with_history

    def ask(self) -> None:
        """Note a turn of the user, unless it is history."""
        if self.is_history:
            self.is_history = False
            return
        self.take(Step.QUESTION)
        self._asked += 1
        self._asked_late += self._has_output

    def say(self) -> None:
        """Note output of the model."""
        self.state = TRANSITIONS[self.state][Step.OUTPUT]
        self._has_output = True

    def interrupt(self) -> None:
        """Note that the open turn is cut short."""
        self.take(Step.INTERRUPTION)
        self._is_interrupted = True

    def end_turn(self, *, goes_on: bool) -> None:
        """Note the end of a turn; ``goes_on``: the service says that another follows."""
        # Two questions before anything was said make one turn, unless the second interrupted it.
        left = self._asked - 1 if self._is_interrupted else 0
        self._asked, self._asked_late = max(left, self._asked_late), 0
        self._has_output = self._is_interrupted = False
        self.calls.let_run()
        if not goes_on and not self._asked:
            self.take(Step.TURN_END)

    def update(self, update: SessionResumptionUpdate) -> None:
        """Note a handle; a session that cannot be resumed at the moment keeps the one it had."""
        if update.resumable and update.new_handle:
            self.handle = update.new_handle

    def close(self) -> tuple[str, ...]:
        """End the session; returns the ids of the calls that nobody waits for any more."""
        left = self.calls.open_ids
        self.calls.cancel(left)
        self.take(Step.CLOSE)
        return left
