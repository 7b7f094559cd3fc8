"""A local Gemini that speaks the real wire protocol: for demos, tests and work without a key.

``Emulator`` is an ASGI application with a deterministic built-in model; a ``Script`` of ``Rule``s
replaces its answers and makes it misbehave; ``serving`` and ``serve`` put it on a socket.
"""

from .app import Emulator
from .authority import LocalAuthority
from .clock import Clock
from .fault_list import fault_list
from .fault_proxy import chaos
from .faults import (
    ContentType,
    Cut,
    Drip,
    Duplicate,
    End,
    ErrorInStream,
    Garbage,
    GzipBomb,
    Headers,
    Html,
    Huge,
    NakedError,
    NoFinish,
    Slice,
    Stall,
    Status,
    Usage,
)
from .journal import End as JournalEnd
from .journal import JournalEntry
from .limits import Keys, Limits, ModelLimits
from .recorder import Recorder
from .replay import Replay
from .script import Rule, Script
from .server import serve, serving
from .steps import Body, Chunk, Pause, Step, WaitForAck

__all__ = (
    "Body",
    "Chunk",
    "Clock",
    "ContentType",
    "Cut",
    "Drip",
    "Duplicate",
    "Emulator",
    "End",
    "ErrorInStream",
    "Garbage",
    "GzipBomb",
    "Headers",
    "Html",
    "Huge",
    "JournalEnd",
    "JournalEntry",
    "Keys",
    "Limits",
    "LocalAuthority",
    "ModelLimits",
    "NakedError",
    "NoFinish",
    "Pause",
    "Recorder",
    "Replay",
    "Rule",
    "Script",
    "Slice",
    "Stall",
    "Status",
    "Step",
    "Usage",
    "WaitForAck",
    "chaos",
    "fault_list",
    "serve",
    "serving",
)
