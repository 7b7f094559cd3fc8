"""A local Gemini that speaks the real wire protocol: for demos, tests and work without a key.

``Emulator`` is an ASGI application; ``serving`` and ``serve`` put it on a socket. Its parts: this
folder routes, admits, judges and keeps the books; ``builtin`` is the model that answers when nobody
says otherwise; ``scripts`` replace its answers and make them go wrong; ``recording`` stores a real
service's answers and gives them again; ``tcp`` breaks the wire
itself; ``live`` holds sessions over WebSocket.
"""

from .app import Emulator
from .authority import LocalAuthority
from .clock import Clock
from .journal import End as JournalEnd
from .journal import JournalEntry
from .limits import Keys, Limits, ModelLimits
from .recording.recorder import Recorder
from .recording.replay import Replay
from .scripts.fault_list import fault_list
from .scripts.faults import (
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
from .scripts.live_faults import Close, GoAway, HalfFrame, Lifetime
from .scripts.script import Rule, Script
from .scripts.steps import Body, Chunk, Hears, Pause, Step, WaitForAck
from .server import serve, serving
from .tcp.fault_proxy import chaos

__all__ = (
    "Body",
    "Chunk",
    "Clock",
    "Close",
    "ContentType",
    "Cut",
    "Drip",
    "Duplicate",
    "Emulator",
    "End",
    "ErrorInStream",
    "Garbage",
    "GoAway",
    "GzipBomb",
    "HalfFrame",
    "Headers",
    "Hears",
    "Html",
    "Huge",
    "JournalEnd",
    "JournalEntry",
    "Keys",
    "Lifetime",
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
