"""What a process can say of itself and ask of its system."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
from pathlib import Path

__all__ = ("become_relay", "give_back", "raise_file_limit", "resident_size")

_STATM = Path("/proc/self/statm")
_FILES = 16384
_PR_SET_PDEATHSIG = 1  # prctl(2); it outlives execve


def raise_file_limit() -> None:
    """Allow as many open sockets as a relay of five thousand streams needs: two for each."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def become_relay() -> None:
    """Prepare for being, or becoming by ``exec``, a relay: many sockets, no life after the run."""
    raise_file_limit()
    if sys.platform == "linux":  # its standard input is not ours to read: others ignore it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def give_back() -> None:
    """Let go of garbage, and of what the C library keeps of freed memory, where it can be asked."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def resident_size() -> int:
    """Return the memory of this process that is in RAM, in bytes; its peak where only that is."""
    import resource

    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
