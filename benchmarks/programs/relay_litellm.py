"""LiteLLM's proxy, one worker, with a key and an account at the stand-in.

It has no database, so it keeps no books: less than what it would do in service.

usage: python -m benchmarks.programs.relay_litellm UPSTREAM_PORT PORT FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .process import become_relay
from .relay_absent import absent

__all__ = ("main",)

_PLACE = "BENCH_LITELLM"
_HERE = Path(".venv-bench-litellm", "bin", "litellm")
_CONFIG = """
model_list:
  - model_name: gemini-2.5-flash
    litellm_params:
      model: gemini/gemini-2.5-flash
      api_key: upstream-key
      api_base: http://127.0.0.1:{upstream}/v1beta
general_settings:
  master_key: sk-benchmark-key-of-24-characters
litellm_settings:
  telemetry: false
"""
# Its list of prices is fetched at the start otherwise.
_SETTINGS = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}


def main() -> None:
    """Become LiteLLM."""
    upstream, port, folder = sys.argv[1:]
    program = _program()
    if program is None:
        absent(
            "python3 -m venv .venv-bench-litellm && "
            ".venv-bench-litellm/bin/pip install 'litellm[proxy]', "
            f"or {_PLACE}=/path/to/litellm"
        )
    config = Path(folder, "litellm.yaml")
    config.write_text(_CONFIG.format(upstream=upstream))
    become_relay()
    command = ["litellm", "--config", str(config), "--host", "127.0.0.1", "--port", port]
    os.execve(program, command, {**os.environ, **_SETTINGS})


def _program() -> str | None:
    if _PLACE in os.environ:
        return shutil.which(os.environ[_PLACE])
    return str(_HERE) if _HERE.exists() else None


if __name__ == "__main__":
    main()
