"""What is checked in for deploying the relay agrees with the relay."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gemstream.config.relay.loading import load_relay
from gemstream.config.relay.options import ServerOptions
from gemstream.relay.server.drain import FAREWELL
from gemstream.relay.telemetry.health import Probe
from support.sources import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNIT = (DEPLOY / "gemstream-relay.service").read_text(encoding="utf-8")
CONTAINER = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
KUBERNETES = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
ENVIRON = {"GEMINI_API_KEY": "any", "TEAM_A_KEY": "a-key-of-24-characters-or-more"}
FLUSH = 10.0
USER = "65532"


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, pattern
    return found[1]


def test_the_configuration_is_well_formed() -> None:
    options = load_relay(DEPLOY / "relay.toml", ENVIRON)
    assert [account.api_key for account in options.accounts] == ["any"]
    assert [key.name for key in options.keys] == ["team-a"]


@pytest.mark.parametrize(
    "command",
    [
        _found(r"^ExecStart=\S+/gemstream (.*)$", UNIT),
        " ".join(re.findall(r'"([^"]+)"', _found(r"^CMD (.*)$", CONTAINER))),
    ],
)
def test_the_command_is_one(command: str, tmp_path: Path) -> None:
    arguments = shlex.split(command.replace("/etc/gemstream", str(DEPLOY)))
    checked = subprocess.run(
        [sys.executable, "-m", "gemstream", *arguments, "--check"],
        env={**ENVIRON, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "seconds",
    [
        _found(r"^TimeoutStopSec=(\d+)$", UNIT),
        _found(r"terminationGracePeriodSeconds: (\d+)$", KUBERNETES),
        _found(r"docker stop --time (\d+)$", CONTAINER),
    ],
)
def test_a_drain_has_the_time_that_it_needs(seconds: str) -> None:
    assert int(seconds) >= ServerOptions().grace + FAREWELL + FLUSH


def test_nobody_is_root_and_the_root_is_not_written_to() -> None:
    assert _found(r"^USER (\d+):\d+$", CONTAINER) == USER
    assert f"install -d -o {USER} -g {USER} -m 0700 /var/lib/gemstream" in CONTAINER
    assert _found(r"runAsUser: (\d+)$", KUBERNETES) == USER
    assert "runAsNonRoot: true" in KUBERNETES
    assert "readOnlyRootFilesystem: true" in KUBERNETES
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "StateDirectory=gemstream"):
        assert line in UNIT.splitlines()


def test_sigterm_drains_and_sighup_reloads() -> None:
    assert _found(r"^STOPSIGNAL (\w+)$", CONTAINER) == "SIGTERM"
    assert _found(r"^KillSignal=(\w+)$", UNIT) == "SIGTERM"
    assert _found(r"^KillMode=(\w+)$", UNIT) == "mixed"
    assert _found(r"^ExecReload=(.*)$", UNIT) == "/bin/kill -HUP $MAINPID"


def test_whose_health_is_asked() -> None:
    paths = (
        _found(r"readinessProbe:\n\s+httpGet: \{path: (\S+),", KUBERNETES),
        _found(r"livenessProbe:\n\s+httpGet: \{path: (\S+),", KUBERNETES),
        _found(r"127\.0\.0\.1:8080(/\w+)'", CONTAINER),
    )
    assert [Probe(path) for path in paths] == [Probe.READY, Probe.LIVE, Probe.LIVE]


@pytest.mark.parametrize("text", [UNIT, CONTAINER, KUBERNETES])
def test_the_state_is_in_the_one_folder(text: str) -> None:
    assert "/var/lib/gemstream" in text or "StateDirectory=gemstream" in text
    if text is not KUBERNETES:  # the image has it
        assert "XDG_STATE_HOME=/var/lib" in text
