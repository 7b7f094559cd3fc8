"""What a process and all it started cost, of /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..processes import MeasurementFailed

__all__ = ("cpu_seconds", "resident_kib")

_PROC = Path("/proc")
# Of the fields behind the name, which may hold anything in its brackets (proc(5)).
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14


def cpu_seconds(root: int) -> float:
    """Return the CPU time of ``root``, its descendants and those of them that ended.

    The system counts it in hundredths of a second. Raises MeasurementFailed where it does not say.
    """
    ticks = 0
    for fields in _tree(root).values():
        ticks += sum(
            int(fields[index]) for index in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM)
        )
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_kib(root: int) -> int:
    """Return what ``root`` and its descendants have in RAM; shared pages count for each."""
    return sum(_resident(pid) for pid in _tree(root))


def _tree(root: int) -> dict[int, list[str]]:
    if not (_PROC / "self" / "stat").exists():
        raise MeasurementFailed("what other processes cost is read from /proc, which Linux has")
    fields = dict(_processes())
    children: dict[int, list[int]] = {}
    for pid, of_process in fields.items():
        children.setdefault(int(of_process[_PARENT]), []).append(pid)
    found, rest = {}, [root]
    while rest:
        pid = rest.pop()
        if pid in fields:
            found[pid] = fields[pid]
        rest += children.get(pid, [])
    return found


def _processes() -> Iterator[tuple[int, list[str]]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it has ended
                continue
            yield int(folder.name), text.rpartition(")")[2].split()


def _resident(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
