"""What the commands that call a model share: the client, the event loop, and the way out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard, TypeVar

import msgspec
import typer

from ..credentials.api_key import Credentials
from ..errors import GemstreamError, InvalidRequest
from .advice import describe
from .exit_codes import ExitCode, exit_code_of
from .limit_choice import LimitChoice
from .terminal import stderr

if TYPE_CHECKING:
    from ..client.client import AsyncClient
    from ..net.transport import Transport

__all__ = (
    "EMULATED_RATE",
    "Connection",
    "open_client",
    "read_text",
    "run_command",
    "run_loop",
    "say",
    "show_log",
)

T = TypeVar("T")

# Tokens a second: fast enough to be pleasant, slow enough to be seen.
EMULATED_RATE = 40.0


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the requests of a command go, who pays, for how long, and where they are recorded."""

    emulate: bool = False
    base_url: str | None = None
    api_key_file: Path | None = None
    credentials: Credentials | None = None
    tier: str | None = None
    timeout: float | None = None
    recording: Path | None = None
    limits: LimitChoice = LimitChoice()


@contextlib.asynccontextmanager
async def open_client(connection: Connection) -> AsyncIterator[AsyncClient]:
    """Open the client of ``connection``; raises what ``AsyncClient`` does, and InvalidRequest."""
    from ..client.client import AsyncClient
    from .limiting import limit_options

    given: dict[str, Any] = {
        "base_url": connection.base_url,
        "credentials": connection.credentials,
        "tier": connection.tier,
        "timeouts": connection.timeout,
    }
    if connection.api_key_file is not None:
        given["api_key"] = read_text(connection.api_key_file, "API key").strip()
    if connection.emulate:
        if connection.base_url is not None:
            raise InvalidRequest("--emulate and --base-url exclude each other; choose one")
        given |= _emulated(given.get("api_key"))
    given |= limit_options(connection, given)
    async with contextlib.AsyncExitStack() as stack:
        if connection.recording is not None:
            transport = _recorder(connection.recording, given.get("transport"))
            stack.push_async_callback(transport.aclose)
            given["transport"] = transport
        yield await stack.enter_async_context(AsyncClient(**given))


def run_command(main: Callable[[], ExitCode], *, debug: bool = False) -> NoReturn:
    """Run a command to its end and leave with its exit code.

    An error is one line on stderr; only ``debug`` shows its traceback.
    """
    show_log(debug=debug)
    try:
        code = main()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        code = ExitCode.FAILURE
    except Exception as error:
        if debug:
            traceback.print_exc()
        if _is_of_the_system(error):
            _forget_stdout()  # a full disk: what could not be written stays unwritten
        stderr().error(_told(error))
        code = exit_code_of(error)
    raise typer.Exit(code)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns, on uvloop where there is one; Ctrl-C cancels it."""
    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        return asyncio.run(main)
    return uvloop.run(main)


def read_text(path: Path, what: str) -> str:
    """Return the text in ``path``; raises InvalidRequest, naming ``what`` it should hold."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    raise InvalidRequest(f"cannot read the {what} in {path}: {reason}")


def say(text: str) -> None:
    """Write one informing line to stderr."""
    stderr().note(text)


def _emulated(api_key: str | None) -> dict[str, Any]:
    """Return the options of a client whose service runs in this process."""
    from ..emulator.app import Emulator
    from ..net.asgi import ASGITransport

    return {
        "api_key": api_key or "any",
        "base_url": "http://emulator.invalid",
        "transport": ASGITransport(Emulator(rate=EMULATED_RATE)),
    }


def _recorder(path: Path, transport: Transport | None) -> Transport:
    """Return ``transport``, else the usual one, that records into ``path``.

    Raises InvalidRequest for a file that holds something: an answer that cannot be had again must
    not be lost, nor the recording of another question grow.
    """
    from ..net.aiohttp_transport import AiohttpTransport
    from ..net.recording import RecordingTransport

    with contextlib.suppress(OSError):  # one that is not there yet, or says so when it is opened
        if path.stat().st_size > 0:
            raise InvalidRequest(
                f"{path} holds something already; name another file for the recording, or remove it"
            )
    return RecordingTransport(transport or AiohttpTransport(), path)


class _Notes(logging.Handler):
    """Shows what the library logs, as that it waits before it tries again."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def show_log(*, debug: bool) -> None:
    """Show what the library logs from now on, warnings and worse; ``debug`` shows all."""
    logger = logging.getLogger("gemstream")
    logger.addHandler(_Notes())
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


def _forget_stdout() -> None:
    """Keep the interpreter from trying again at exit to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_of_the_system(error: Exception) -> TypeGuard[OSError]:
    """Whether the operating system refused something; our timeouts are OSErrors by descent only."""
    return isinstance(error, OSError) and error.errno is not None


def _told(error: Exception) -> str:
    if isinstance(error, GemstreamError):
        return describe(error)
    if _is_of_the_system(error):
        of = "" if error.filename is None else f" ({error.filename})"
        return f"the system refused it: {error.strerror or error}{of}"
    return f"this is a bug in gemstream: {error!r}; --debug shows where"
