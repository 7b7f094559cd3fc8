"""Portkey's gateway. It is told with each request whom to ask, and knows no keys of its own.

usage: python -m benchmarks.programs.relay_portkey UPSTREAM_PORT PORT FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .process import become_relay
from .relay_absent import absent

__all__ = ("main",)

_PLACE = "BENCH_PORTKEY"
_HERE = Path(".bench-portkey", "node_modules", "@portkey-ai", "gateway", "build/start-server.js")


def main() -> None:
    """Become Portkey."""
    _, port, _ = sys.argv[1:]
    script, node = Path(os.environ.get(_PLACE, _HERE)), shutil.which("node")
    if node is None or not script.exists():
        absent(
            "npm install --prefix .bench-portkey @portkey-ai/gateway (needs node), "
            f"or {_PLACE}=/path/to/@portkey-ai/gateway/build/start-server.js"
        )
    become_relay()
    os.execv(node, ["node", str(script), f"--port={port}", "--headless"])


if __name__ == "__main__":
    main()
