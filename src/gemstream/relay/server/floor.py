"""Below which versions of the HTTP libraries the relay does not start.

The relay stands between strangers and paid keys, and what is known to be broken in a parser is
known to strangers too.
"""

from __future__ import annotations

import re

__all__ = ("library_fault",)

# Smuggling and size checks gone round were mended up to here: CVE-2026-54274, -59881, -69243.
_AIOHTTP = (3, 14, 5)
# They tell every handler at SIGTERM that its caller has left, which cuts live streams.
_CUTTING = ((0, 43), (0, 44))
_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_REMEDY = "pip install -U 'gemstream[relay]'"


def library_fault(*, aiohttp: str, uvicorn: str, has_c_parser: bool) -> str | None:
    """Return why these versions are refused and what to do; None for good ones.

    ``has_c_parser``: aiohttp reads HTTP with llhttp. Its parser in Python takes what llhttp refuses
    (CVE-2025-69224, CVE-2026-111750).
    """
    if _number(uvicorn)[:2] in _CUTTING:
        return f"uvicorn {uvicorn} cuts running streams when the server leaves: {_REMEDY}"
    if _number(aiohttp) < _AIOHTTP:
        floor = ".".join(map(str, _AIOHTTP))
        return f"aiohttp {aiohttp} is older than {floor} and can be attacked: {_REMEDY}"
    if not has_c_parser:
        return (
            "aiohttp runs without its C extension, and its parser in Python can be attacked: "
            "install a wheel of aiohttp that has it, and unset AIOHTTP_NO_EXTENSIONS"
        )
    return None


def _number(version: str) -> tuple[int, int, int]:
    found = _NUMBER.match(version)
    return (0, 0, 0) if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))
