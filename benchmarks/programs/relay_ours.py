"""gemstream's relay with keys, limits and the ledger on, everything else as it comes.

usage: python -m benchmarks.programs.relay_ours UPSTREAM_PORT PORT FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .process import become_relay

__all__ = ("main",)

# The limits are there to be counted, and never reached.
_CONFIG = """
[server]
port = {port}

[ledger]
url = "sqlite:///{folder}/ledger.sqlite"

[[accounts]]
name = "stand-in"
kind = "gemini"
api_key = "upstream-key"
base_url = "http://127.0.0.1:{upstream}"

[[keys]]
name = "benchmark"
key = "sk-benchmark-key-of-24-characters"
rpm = 10000000
tpm = 100000000000
rpd = 1000000000
concurrency = 100000
"""


def main() -> None:
    """Become the relay."""
    upstream, port, folder = sys.argv[1:]
    config = Path(folder, "relay.toml")
    config.write_text(_CONFIG.format(folder=folder, upstream=upstream, port=port))
    become_relay()
    command = [sys.executable, "-m", "gemstream", "relay", "serve", "--config", str(config)]
    os.execve(sys.executable, command, {**os.environ, "XDG_STATE_HOME": folder})


if __name__ == "__main__":
    main()
