"""What every Live session of one emulator shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from ..clock import Clock
from ..journal import Journal
from ..limits import Keys
from ..scripts.steps import Step
from .handles import Handles
from .tokens import Tokens

__all__ = ("CONNECTION", "HANDSHAKE", "RESUME", "SETUP", "SPEECH", "TURN", "House", "StepsFor")

# The methods that a rule of a script can name: a turn of the model; the request to upgrade, before
# it is answered; a setup that resumes a session, and any setup, before they are accepted; what
# befalls a connection from then on, whatever is said in it; what is understood of speech.
TURN = "bidiGenerateContent"
HANDSHAKE = "bidiGenerateContent/handshake"
RESUME = "bidiGenerateContent/resume"
SETUP = "bidiGenerateContent/setup"
CONNECTION = "bidiGenerateContent/connection"
SPEECH = "bidiGenerateContent/speech"

StepsFor = Callable[[str, str, str], "tuple[Step, ...]"]
"""Method, model, prompt → the steps of the rule that fits; counts what was asked."""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The emulator's parts as its sessions use them; ``rate``: tokens a second, None at once."""

    clock: Clock
    journal: Journal
    handles: Handles
    tokens: Tokens
    seed: int
    rate: float | None
    keys: Callable[[], Keys]
    steps_for: StepsFor
    take_ack: Callable[[], Awaitable[None]]
    new_id: Callable[[], str]
