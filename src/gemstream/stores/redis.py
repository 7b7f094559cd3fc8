"""One connection to a Redis server, and scripts that run there.

It blocks, and belongs to one thread. Every call is one round trip, however many scripts it runs.
Foreign exceptions end here: what a setting can mend is a ConfigError, all else StoreUnavailable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import ConfigError, StoreUnavailable

__all__ = ("OLDEST", "RedisServer", "Script", "ScriptCall")

# What the tests run. Below 5.0 a script that reads the time may not write.
OLDEST = (6, 2)
_PIECE = 1000  # keys looked at in one round trip of a walk
_SCHEMES = ("redis", "rediss", "unix")


class Script:
    """The text of a script, known to servers by its SHA-1."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class ScriptCall:
    """One run of a script: its keys, which lie in one slot of a Cluster, and one argument."""

    __slots__ = ("argument", "keys")

    def __init__(self, keys: Sequence[str], argument: bytes) -> None:
        self.keys = keys
        self.argument = argument


class RedisServer:
    """The server at ``url``: ``redis://``, ``rediss://`` or ``unix://``, with a password inside.

    ``timeout``: seconds that a reply may take; ``connect_timeout``: that connecting may. Raises
    ConfigError for a URL that is none of these, and when the extra ``redis`` is not installed.
    """

    __slots__ = ("_connection", "_timeout", "address")

    def __init__(self, url: str, *, timeout: float = 0.05, connect_timeout: float = 2.0) -> None:
        self.address = _address(url)
        self._timeout = timeout
        self._connection = _connection(url, connect_timeout)  # typed by nobody

    def connect(self) -> None:
        """Connect, and see that the server is one that can be used.

        Raises ConfigError for a password that is not accepted or a server that is too old,
        StoreUnavailable when there is none.
        """
        with self._translated():
            self._connection.connect()
            said = self._ask([("INFO", "server")], self._connection.socket_timeout)[0]
            if isinstance(said, Exception):
                raise said
        version = _version(said)
        if version < OLDEST:
            self.close()
            raise ConfigError(
                f"the Redis server at {self.address} is version {'.'.join(map(str, version))}; "
                f"{'.'.join(map(str, OLDEST))} is the oldest that can be used"
            )

    def run(self, script: Script, calls: Sequence[ScriptCall]) -> list[bytes]:
        """Run ``script`` once for each of ``calls`` and return what it answered.

        Raises as ``connect`` does; after StoreUnavailable nobody knows which of them ran. A server
        that does not know the script is taught it: a second round trip, once.
        """
        if self._is_stale():
            self.close()
            self.connect()
        with self._translated():
            answers = self._evaluate(script, calls)
            unknown = [index for index, answer in enumerate(answers) if _is_unknown(answer)]
            if unknown:
                self._ask([("SCRIPT", "LOAD", script.text)], self._timeout)
                again = self._evaluate(script, [calls[index] for index in unknown])
                for index, answer in zip(unknown, again, strict=True):
                    answers[index] = answer
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def keys(self, pattern: str) -> Iterator[str]:
        """Return the keys that match a glob ``pattern``, some perhaps twice.

        It walks over all keys of the server, a piece a round trip, and holds up nobody else.
        Source: https://redis.io/docs/latest/commands/scan/
        """
        cursor = b"0"
        with self._translated():
            while True:
                command = ("SCAN", cursor, "MATCH", pattern, "COUNT", _PIECE)
                (answer,) = self._ask([command], self._timeout)
                if isinstance(answer, Exception):
                    raise answer
                cursor, found = answer
                yield from (key.decode() for key in found)
                if cursor == b"0":
                    return

    def close(self) -> None:
        """Close the connection; ``connect`` opens it anew."""
        self._connection.disconnect()

    def _is_stale(self) -> bool:
        """True when the server has closed the connection, as it may one that was idle.

        To find that out by sending would leave open what of it was done.
        """
        from redis.exceptions import RedisError

        try:
            return bool(self._connection.can_read(0))  # it says nothing unasked but farewell
        except (RedisError, OSError):
            return True

    def _evaluate(self, script: Script, calls: Sequence[ScriptCall]) -> list[Any]:
        commands = [("EVALSHA", script.sha, len(c.keys), *c.keys, c.argument) for c in calls]
        return self._ask(commands, self._timeout)

    def _ask(self, commands: Sequence[tuple[Any, ...]], timeout: float | None) -> list[Any]:
        """Send all, then read all: an error that the server answers stands in its place."""
        from redis.exceptions import ResponseError, TimeoutError

        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        for _ in commands:
            if not connection.can_read(timeout or 0):
                raise TimeoutError(f"no answer within {timeout:g} s")
            try:
                answers.append(connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from redis.exceptions import RedisError

        try:
            yield
        except (RedisError, OSError) as error:
            self.close()
            raise _translation(error, self.address) from error


def _translation(error: Exception, address: str) -> ConfigError | StoreUnavailable:
    from redis.exceptions import (
        AuthenticationError,
        AuthenticationWrongNumberOfArgsError,
        NoPermissionError,
    )

    refusals = (AuthenticationError, AuthenticationWrongNumberOfArgsError, NoPermissionError)
    if isinstance(error, refusals) or _is_refusal(error):
        return ConfigError(
            f"the Redis server at {address} does not let us in ({error}); the URL needs the name "
            "and password of a user who may run INFO, SCRIPT LOAD, EVALSHA and what the script "
            "runs on keys gemstream:*"
        )
    if str(error).startswith("CROSSSLOT"):
        return ConfigError(
            f"the Redis Cluster at {address} keeps what one request counts on several nodes "
            f"({error}); all limits of one request need one scope"
        )
    said = str(error).removesuffix(".")
    if re.search(r"\bDB index\b", said):
        return ConfigError(f"the Redis server at {address} has no such database: {said}")
    return StoreUnavailable(f"the Redis server at {address} is out of reach: {said}")


def _is_refusal(error: Exception) -> bool:
    return str(error).startswith(("WRONGPASS", "NOAUTH", "NOPERM", "Authentication required"))


def _is_unknown(answer: object) -> bool:
    from redis.exceptions import NoScriptError

    return isinstance(answer, NoScriptError)


def _version(said: bytes) -> tuple[int, ...]:
    for line in said.decode("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == "redis_version":
            return tuple(int(number) for number in value.split(".") if number.isdigit())
    return (0,)


def _address(url: str) -> str:
    """Return where ``url`` leads, without the password."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ConfigError(
            f"{parts.scheme or 'nothing'!r} is no scheme of a Redis URL; it begins with "
            "redis://, rediss:// (TLS) or unix://, as redis://:password@host:6379/0"
        )
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"


def _connection(url: str, connect_timeout: float) -> Any:
    try:
        from redis.backoff import NoBackoff
        from redis.connection import ConnectionPool
        from redis.retry import Retry
    except ImportError:
        raise ConfigError(
            "limits in Redis need the extra: pip install 'gemstream[redis]'"
        ) from None
    try:
        pool: Any = ConnectionPool.from_url(
            url,
            protocol=2,  # the script answers one string; nothing of the newer protocol is needed
            socket_timeout=connect_timeout,
            socket_connect_timeout=connect_timeout,
            retry=Retry(NoBackoff(), 0),  # what is tried again is for the caller to say
            client_name="gemstream",
        )
        return pool.make_connection()
    except TypeError:
        raise ConfigError(
            f"the Redis URL to {_address(url)} has an option that is not known: {_query(url)}"
        ) from None
    except ValueError as error:
        raise ConfigError(f"the Redis URL to {_address(url)} cannot be used: {error}") from None


def _query(url: str) -> str:
    """Return the names of the options in ``url``; what they say may be a secret."""
    return ", ".join(name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True))
