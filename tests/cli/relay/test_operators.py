"""Operators' commands against a running relay, and against its database alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cli.program import GUARD, environment, gemstream
from cli.relay.site import FILE_KEY, TOKEN, UPSTREAM_KEY, Site
from gemstream.policy.key.format import parse_key
from gemstream.relay.admin.route import ROWS

MODEL = "gemini-2.5-flash"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
PROMPT = {"contents": [{"role": "user", "parts": [{"text": "Count to five"}]}]}
WAYS = pytest.mark.parametrize("remote", [True, False], ids=["relay", "database"])


def test_a_minted_key_works_through_the_relay_and_a_revoked_one_does_not(site: Site) -> None:
    made = site.run("keys", "create", "team-b", "--set", "rpm=60", "--set", "models=gemini-2.5-*")
    text = made.out.strip()
    assert made.code == 0 and parse_key(text) is not None
    assert "shown once" in made.err and text not in made.err
    status, headers = site.ask(WHOLE, text, PROMPT)
    assert status == 200
    usage = site.run("usage", "--by", "key", "--json").json
    assert usage["schema"] == "gemstream.relay-usage/1"
    listed = site.run("keys", "list", "--json").json["keys"]
    (minted,) = [key for key in listed if key["name"] == "team-b"]
    assert (minted["rpm"], minted["models"]) == (60, ["gemini-2.5-*"])
    assert minted["id"] in {row["name"] for row in usage["rows"]}
    request = site.run("request", headers["x-request-id"], "--json").json
    assert [one["account"] for one in request["attempts"]] == ["one"]
    assert site.run("keys", "revoke", "team-b").code == 0
    assert site.ask(WHOLE, text, PROMPT)[0] == 401


@WAYS
def test_keys_from_their_making_to_their_end(site: Site, remote: bool) -> None:
    name = f"life-{remote}"
    made = site.run("keys", "create", name, "--set", "budget_day=5.00", "--json", remote=remote)
    assert made.json["schema"] == "gemstream.relay-keys/1"
    key_id = made.json["id"]
    for command in (
        ["edit", name, "--set", "expires=2030-01-01", "--unset", "budget_day"],
        ["disable", name],
        ["enable", key_id],
    ):
        done = site.run("keys", *command, "--json", remote=remote)
        assert done.code == 0, done.err
    shown = site.run("keys", "show", name, "--json", remote=remote).json["key"]
    assert (shown["enabled"], shown["budget_day"]) == (True, None)
    assert shown["expires"].startswith("2030-01-01")
    rotated = site.run("keys", "rotate", name, "--grace", "0", remote=remote)
    assert parse_key(rotated.out.strip()) is not None
    assert rotated.out.strip() != made.json["text"]
    assert site.run("keys", "revoke", key_id, remote=remote).code == 0
    table = site.run("keys", "list", "--revoked", remote=remote).out.splitlines()
    assert table[0].split()[:4] == ["ID", "NAME", "FROM", "STATE"]
    assert [line.split()[3] for line in table if name in line] == ["revoked"]


def test_a_running_relay_goes_by_what_was_changed_in_its_database(site: Site) -> None:
    made = site.run("keys", "create", "beside", remote=False)
    text = made.out.strip()
    _until(200, site, text)
    assert site.run("keys", "revoke", "beside", remote=False).code == 0
    _until(401, site, text)


def _until(status: int, site: Site, key: str) -> None:
    """Ask until the relay answers so; a guard against a hang ends it, no measure of time."""
    end = time.monotonic() + GUARD
    while site.ask("/v1/key-info", key)[0] != status:
        assert time.monotonic() < end
        time.sleep(0.1)


@WAYS
def test_accounts_from_their_making_to_their_end(site: Site, remote: bool) -> None:
    name = f"account-{remote}".lower()
    listed = site.run("accounts", "list", "--json", remote=remote).json["accounts"]
    url = listed[0]["base_url"]
    sets = ["--set", f"base_url={url}", "--set", "priority=3", "--set", "groups=a,b"]
    made = site.run(
        "accounts", "create", name, "--api-key-env", "K", *sets, remote=remote, K="canary" * 5
    )
    assert made.code == 0, made.err
    tested = site.run("accounts", "test", name, remote=remote)
    assert tested.code == 0 and "answers models.list" in tested.err
    for command in (
        ["edit", name, "--set", "rpm=7"],
        ["disable", name],
        ["enable", name],
        ["reset", name],
    ):
        assert site.run("accounts", *command, remote=remote).code == 0
    shown = site.run("accounts", "show", name, "--json", remote=remote)
    assert shown.json["account"]["groups"] == ["a", "b"]
    assert "canary" not in shown.out + made.out + made.err
    assert site.run("accounts", "delete", name, remote=remote).code == 0
    assert name not in site.run("accounts", "list", remote=remote).out


def test_a_bad_account_is_told_and_fails(site: Site) -> None:
    sets = ["--set", "base_url=http://127.0.0.1:9"]
    made = site.run("accounts", "create", "gone", "--api-key-env", "K", *sets, K="canary" * 5)
    assert made.code == 0
    tested = site.run("accounts", "test", "gone", "--json")
    assert tested.code == 1
    assert json.loads(tested.out.splitlines()[0])["is_ok"] is False
    assert site.run("accounts", "delete", "gone").code == 0


@WAYS
def test_the_books_as_tables_and_for_programs(site: Site, remote: bool) -> None:
    assert site.ask(WHOLE, FILE_KEY, PROMPT)[0] == 200
    table = site.run("usage", "--by", "model", remote=remote).out.splitlines()
    assert table[0].split()[:3] == ["MODEL", "REQUESTS", "ATTEMPTS"]
    assert table[1].split()[0] == MODEL and table[-1].split()[0] == "total"
    csv = site.run("usage", "--by", "day", "--csv", remote=remote)
    assert csv.out.startswith("name,attempts,requests")
    lines = site.run("export", remote=remote).lines
    assert {line["account"] for line in lines} == {"one"}
    empty = site.run("usage", "--until", "2000-01-01", "--json", remote=remote)
    assert empty.json["rows"] == []
    audit = site.run("audit", "--limit", "5", "--json", remote=remote).json["entries"]
    assert audit and all(entry["is_genuine"] for entry in audit)


def test_a_reload_tells_what_changed_and_a_bad_file_changes_nothing(site: Site) -> None:
    good = site.file.read_text()
    try:
        site.rewrite("[[keys]]", 'name = "c"')
        bad = site.run("reload")
        assert bad.code == 2
        assert "has no key" in bad.err and "relay.toml:" in bad.err
        assert site.ask(WHOLE, FILE_KEY, PROMPT)[0] == 200
    finally:
        site.file.write_text(good)
    assert site.run("reload", "--json").json["schema"] == "gemstream.relay-reload/1"


@WAYS
def test_secrets_are_sealed_anew(site: Site, remote: bool) -> None:
    done = site.run("secrets", "rotate", "--json", remote=remote).json
    assert (done["version"], done["older_keys"]) == (1, [])


REFUSED = {
    "a wrong token": (["keys", "list"], {"TOKEN": "wrong" * 8}, 3),
    "no token": (["keys", "list"], {"TOKEN": ""}, 3),
    "a caller's key": (["keys", "list"], {"TOKEN": FILE_KEY}, 3),
    "no such key": (["keys", "show", "team-x"], {}, 2),
    "no such account": (["accounts", "show", "onne"], {}, 2),
    "a path for a name": (["accounts", "show", "../keys"], {}, 2),
    "a key of the file": (["keys", "revoke", "team-a"], {}, 2),
    "an unknown option": (["keys", "create", "x", "--set", "rmp=1"], {}, 2),
    "no value": (["keys", "create", "x", "--set", "rpm"], {}, 2),
    "a value that cannot be": (["keys", "create", "x", "--set", "surfaces=soap"], {}, 2),
    "a secret in an argument": (["accounts", "create", "x", "--set", "api_key=k"], {}, 2),
    "an account without a key": (["accounts", "create", "x"], {}, 2),
    "nothing to change": (["keys", "edit", "team-a"], {}, 2),
    "two forms": (["usage", "--csv", "--json"], {}, 2),
    "a day that is none": (["usage", "--since", "yesterday"], {}, 2),
    "an id that is none": (["request", "../keys"], {}, 2),
    "no such request": (["request", "req_0"], {}, 2),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_ends_with_its_code_and_tells_no_secret(site: Site, case: str) -> None:
    arguments, env, code = REFUSED[case]
    done = site.run(*arguments, **env)
    assert done.code == code, done.err
    assert done.err.startswith("error: ") and "Traceback" not in done.err
    for secret in (TOKEN, FILE_KEY, UPSTREAM_KEY):
        assert secret not in done.out + done.err


def test_an_error_is_an_object_for_programs(site: Site) -> None:
    done = site.run("keys", "create", "x", "--set", "surfaces=soap", "--set", "rpm=0", "--json")
    assert done.json["schema"] == "gemstream.relay-keys/1"
    assert done.json["error"]["message"]


def test_an_address_where_nobody_listens_is_a_failure_of_the_way(site: Site) -> None:
    done = gemstream(
        "relay", "keys", "list", "--admin", "http://127.0.0.1:9", "--token-env", "TOKEN",
        env=site.env,
    )  # fmt: skip
    assert done.code == 5


def test_without_a_relay_and_a_file_it_is_told_what_to_name(tmp_path: Path) -> None:
    done = gemstream("relay", "keys", "list", "-c", tmp_path / "none.toml", env=environment())
    assert done.code == 2
    both = gemstream(
        "relay", "keys", "list", "-c", "x", "--admin", "http://x", env=environment(HOME="/")
    )
    assert both.code == 2 and "exclude each other" in both.err


def test_every_route_of_the_operators_has_a_command() -> None:
    """Health and metrics are for probes; the pool is seen with the accounts and in ``top``."""
    from gemstream.cli import relay as commands

    folder = Path(str(commands.__file__)).parent
    sources = "".join(file.read_text() for file in folder.glob("*.py"))
    for row in ROWS:
        if row.path.startswith("/admin/") and row.path != "/admin/pool":
            tail = row.path.rpartition("}")[2] if "}" in row.path else row.path
            assert tail in sources, row.path
