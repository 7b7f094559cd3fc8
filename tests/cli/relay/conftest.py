"""A relay that is really served, with operators, in front of a served emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli.program import GUARD, environment, served, started
from cli.relay.site import TOKEN, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running relay; its file, its addresses, and the environment of its operators."""
    folder = tmp_path_factory.mktemp("relay")
    with served() as emulator:
        file = folder / "relay.toml"
        upstream = emulator.env["GOOGLE_GEMINI_BASE_URL"]
        site = Site(file, environment(XDG_STATE_HOME=str(folder), HOME=str(folder), TOKEN=TOKEN))
        site.write(upstream)
        with started("relay", "serve", "--json", "-c", file, env=site.env) as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            site.listens(told["url"], told["admin"])
            yield site
            process.terminate()
            process.wait(GUARD)
