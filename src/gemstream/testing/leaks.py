"""What a test left open: tasks that still run, and sockets of the internet families.

A look at the process from outside, so that it holds for any client library; nothing is patched.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator

__all__ = ("LeakCheck",)

# A connection that was closed is gone within milliseconds; a slow machine gets some more.
_PATIENCE = 3.0
_LOOK_AGAIN = 0.01
_MOST_FILES = 65_536


class LeakCheck:
    """Compares the process at its end with what it was at its beginning."""

    def __init__(self) -> None:
        self._tasks = {id(task) for task in _running_tasks()}
        self._sockets = set(_open_sockets())

    def leaks(self) -> list[str]:
        """Return a line for each task and socket that is still there after a moment's patience."""
        return [*self._patiently(self._new_tasks), *self._patiently(self._new_sockets)]

    def _patiently(self, found: Callable[[], list[str]]) -> list[str]:
        deadline = time.monotonic() + _PATIENCE
        while (leaks := found()) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
        return leaks

    def _new_tasks(self) -> list[str]:
        return [
            f"a task still runs: {task.get_name()!r}, {task.get_coro()!r}"
            for task in _running_tasks()
            if id(task) not in self._tasks
        ]

    def _new_sockets(self) -> list[str]:
        return [
            _told(number) for number, node in _open_sockets() if (number, node) not in self._sockets
        ]


def _running_tasks() -> Iterator[asyncio.Task[object]]:
    """Yield the tasks of every loop that are not done; those of a closed loop can run no more."""
    for one in gc.get_objects():
        if isinstance(one, asyncio.Task) and not one.done() and not one.get_loop().is_closed():
            yield one


def _open_sockets() -> Iterator[tuple[int, int]]:
    """Yield number and inode of this process's internet sockets; none where files hide them."""
    for number in _file_numbers():
        try:
            status = os.fstat(number)
            if stat.S_ISSOCK(status.st_mode) and _family(number) in _INTERNET:
                yield number, status.st_ino
        except OSError:  # closed in this moment
            continue


def _file_numbers() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(folder):
            return [int(name) for name in os.listdir(folder) if name.isdigit()]
    return list(range(_MOST_FILES if os.name == "posix" else 0))


_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _family(number: int) -> int:
    with socket.socket(fileno=os.dup(number)) as looked_at:
        return looked_at.family


def _told(number: int) -> str:
    try:
        with socket.socket(fileno=os.dup(number)) as looked_at:
            return f"a socket is still open: {_name(looked_at.getsockname)} to {_peer(looked_at)}"
    except OSError:
        return f"a socket is still open: file {number}"


def _peer(looked_at: socket.socket) -> str:
    try:
        return _name(looked_at.getpeername)
    except OSError:  # it listens
        return "nobody"


def _name(ask: Callable[[], tuple[object, ...]]) -> str:
    host, port, *_ = ask()
    return f"{host}:{port}"
