"""A local Gemini that speaks the real wire protocol: for demos, tests and work without a key.

``Emulator`` is an ASGI application with a deterministic built-in model; a ``Script`` of ``Rule``s
replaces its answers and makes it misbehave; ``serving`` and ``serve`` put it on a socket.
"""

from .app import Emulator
from .fault_proxy import chaos
from .journal import End as JournalEnd
from .journal import JournalEntry
from .recorder import Recorder
from .replay import Replay
from .script import Rule, Script
from .server import serve, serving
from .steps import (
    Body,
    Chunk,
    Cut,
    End,
    ErrorInStream,
    NakedError,
    Pause,
    Stall,
    Status,
    Step,
    WaitForAck,
)

__all__ = (
    "Body",
    "Chunk",
    "Cut",
    "Emulator",
    "End",
    "ErrorInStream",
    "JournalEnd",
    "JournalEntry",
    "NakedError",
    "Pause",
    "Recorder",
    "Replay",
    "Rule",
    "Script",
    "Stall",
    "Status",
    "Step",
    "WaitForAck",
    "chaos",
    "serve",
    "serving",
)
