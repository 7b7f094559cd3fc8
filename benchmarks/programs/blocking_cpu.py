"""CPU µs per chunk of the blocking clients: 20 threads that each read one answer after another.

usage: python -m benchmarks.programs.blocking_cpu PORT CLIENT STREAMS
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .clients import MODEL

__all__ = ("main",)

_THREADS = 20
_KEY = "benchmark-key"
_PROMPT = "Count to ten"

Count = Callable[[], int]


def _gemstream(url: str) -> Count:
    from gemstream import Client

    client = Client(_KEY, base_url=url, model=MODEL)

    def count() -> int:
        count = 0
        with client.generate_stream(_PROMPT) as stream:
            for chunk in stream:
                count += 1
                chunk.text  # noqa: B018
        return count

    return count


def _genai(url: str) -> Count:
    from google import genai

    options = genai.types.HttpOptions(base_url=url)
    client = genai.Client(api_key=_KEY, http_options=options)

    def count() -> int:
        count = 0
        for chunk in client.models.generate_content_stream(model=MODEL, contents=_PROMPT):
            count += 1
            chunk.text  # noqa: B018
        return count

    return count


_CLIENTS: dict[str, Callable[[str], Count]] = {"gemstream": _gemstream, "google-genai": _genai}


def _measure(port: int, name: str, streams: int) -> float:
    count = _CLIENTS[name](f"http://127.0.0.1:{port}")
    count()  # imports, caches, the first connection
    with ThreadPoolExecutor(_THREADS) as threads:
        began = time.process_time()
        chunks = sum(threads.map(lambda _: count(), range(streams)))
        used = time.process_time() - began
    return used / chunks * 1e6


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, streams = sys.argv[1:]
    print(json.dumps({"value": _measure(int(port), name, int(streams))}))


if __name__ == "__main__":
    main()
