"""A relay's file: what it becomes, and that each problem of it is told with place and remedy."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.relay.checks import SURFACES
from gemstream.config.relay.emulated import emulated_options
from gemstream.config.relay.loading import Overrides, load_relay, relay_options
from gemstream.config.relay.options import (
    AccountOptions,
    AdminOptions,
    BudgetOptions,
    DisconnectPolicy,
    KeyOptions,
    LedgerOptions,
    RelayOptions,
    ServerOptions,
)
from gemstream.config.relay.rows import ACCOUNT, ADMIN, BUDGET, KEY, LEDGER, SERVER, TIMEOUTS
from gemstream.config.timeouts import Timeouts
from gemstream.config.toml_file import TOMLFile, parse_toml
from gemstream.errors import ConfigError
from gemstream.wire.dialect.dialect import Dialect

SECRET = "not-to-be-shown-0123456789"
ENVIRON = {"GEMINI_API_KEY": SECRET, "EMPTY": " "}
ACCOUNTS = f'[[accounts]]\nname = "one"\napi_key = "{SECRET}"\n'
KEYS = f'[[keys]]\nname = "team-a"\nkey = "{SECRET}"\n'


def read(text: str, environ: Mapping[str, str] = ENVIRON) -> RelayOptions:
    return relay_options(parse_toml(Path("relay.toml"), text), environ)


def refused(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    assert SECRET not in str(caught.value)
    return str(caught.value).split("\n")


def test_the_least_file_is_enough() -> None:
    options = read(
        """
        [server]
        port = 8080
        [[accounts]]
        name = "one"
        kind = "gemini"
        api_key = "env:GEMINI_API_KEY"
        base_url = "http://127.0.0.1:9100/"
        [[keys]]
        name = "team-a"
        key = "env:TEAM_A_KEY"
        """,
        {"GEMINI_API_KEY": "from-the-service\n", "TEAM_A_KEY": SECRET},
    )
    account = AccountOptions(
        name="one", api_key="from-the-service", base_url="http://127.0.0.1:9100"
    )
    assert options == RelayOptions(
        accounts=(account,), keys=(KeyOptions(name="team-a", key=SECRET),)
    )


def test_every_option_can_be_set() -> None:
    options = read(
        f"""
        [server]
        host = "0.0.0.0"
        port = 0
        workers = 2
        trusted_proxies = ["10.0.0.0/8", "::1"]
        grace = 60
        [server.timeouts]
        first_chunk = 30
        idle = "forever"
        [admin]
        port = 9000
        token = "{SECRET}-of-operators"
        [ledger]
        url = "postgresql://relay:secret@db/relay"
        retention = 90
        [limits]
        store = "machine"
        [[accounts]]
        name = "one"
        api_key = "a"
        models = ["gemini-2.5-*"]
        groups = ["paid"]
        dedicated = true
        enabled = false
        rpm = 10
        tpm = "unlimited"
        [[keys]]
        name = "team-a"
        key = "{SECRET}"
        surfaces = ["openai"]
        expires = 2027-01-01
        enabled = false
        budget_day = 5.00
        budget_total = 0.000001
        groups = ["paid"]
        accounts = ["one"]
        on_disconnect = "drain"
        heartbeat = 15
        [aliases]
        "gpt-4o" = "gemini-2.5-pro"
        [prices."gemini-2.5-pro"]
        input = 1
        output = 2
        """
    )
    assert options.server == ServerOptions(
        host="0.0.0.0",
        port=0,
        workers=2,
        trusted_proxies=("10.0.0.0/8", "::1/128"),
        grace=60.0,
        timeouts=Timeouts(first_chunk=30.0, idle=None),
    )
    assert options.admin == AdminOptions(port=9000, token=f"{SECRET}-of-operators")
    assert options.ledger == LedgerOptions(url="postgresql://relay:secret@db/relay", retention=90)
    assert options.limits == "machine"
    (account,) = options.accounts
    assert (account.is_dedicated, account.is_enabled, account.rpm, account.tpm) == (
        True,
        False,
        10,
        None,
    )
    (key,) = options.keys
    assert key.expires == datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC).timestamp()
    assert key.budget == BudgetOptions(day=5_000_000, total=1)
    assert key.on_disconnect is DisconnectPolicy.DRAIN
    assert (key.is_enabled, key.heartbeat) == (False, 15.0)
    assert options.aliases == {"gpt-4o": "gemini-2.5-pro"}
    assert options.prices == {"gemini-2.5-pro": {"input": 1, "output": 2}}


def test_every_field_of_the_options_has_a_key() -> None:
    for struct, rows, elsewhere in (
        (ServerOptions, SERVER, {"timeouts"}),
        (AdminOptions, ADMIN, set()),
        (LedgerOptions, LEDGER, set()),
        (AccountOptions, ACCOUNT, set()),
        (KeyOptions, KEY, {"budget"}),
        (BudgetOptions, BUDGET, set()),
        (Timeouts, TIMEOUTS, {"limit_wait"}),
    ):
        fields = {row.field for row in rows.values()}
        assert fields == set(struct.__struct_fields__) - elsewhere, struct


def test_the_surfaces_are_the_dialects() -> None:
    assert {dialect.value for dialect in Dialect} == set(SURFACES)


# Text → what is said of it.
REFUSED: list[tuple[str, str]] = [
    ("port = 1", "1: port does not exist; there are accounts, admin, aliases, keys, ledger, lim"),
    ("[sever]", "1: sever does not exist; did you mean server?"),
    ("server = 3", "1: server must be a table: write [server] and its keys below"),
    ("[server]\nport = 65536", "2: server.port is 65536; it must be a whole number from 0 to 65"),
    ("[server]\nport = true", "2: server.port is True; it must be"),
    ("[server]\nprt = 1", "2: server.prt does not exist; did you mean port?"),
    ("[server]\nhost = 'env:NO'", "2: server.host is that of the variable NO, which is not set"),
    ("[server]\nhost = 'env:EMPTY'", "2: server.host is that of the variable EMPTY, which is em"),
    ("[server]\nhost = 'env:a b'", "2: server.host names no variable; write it as"),
    ("[server]\nheader_timeout = 'forever'", "2: server.header_timeout is 'forever'; it must be"),
    ("[server]\ntrusted_proxies = ['x']", "2: server.trusted_proxies is ['x']; of its element 1"),
    ("[server]\ntimeouts = 3", "2: server.timeouts must be a table"),
    ("[server.timeouts]\ntotal = 0", "2: server.timeouts.total is 0; it must be a positive numb"),
    ("[server]\nlog = 'xml'", "2: server.log is 'xml'; it must be one of json, plain, off"),
    ("[server]\nworkers = 2", ': server.workers is 2, and by limits.store = "process"'),
    (f"[admin]\ntoken = '{SECRET[:12]}'", "2: admin.token cannot be used; it must be 24 or more"),
    (
        f"[admin]\ntoken = '{SECRET}'\n[[keys]]\nname = 'a'\nkey = '{SECRET}'",
        ": admin.token is the key of a caller too",
    ),
    (f"[admin]\nport = 8080\ntoken = '{SECRET}'", ": admin.port is 8080, and so is server.port"),
    ("[ledger]\nurl = 'mysql://x'", "2: ledger.url cannot be used; it must be sqlite:///path"),
    ("[limits]\nstore = 'http://x'", '2: limits.store cannot be used; it must be "process", "m'),
    ("[accounts]\nname = 'x'", "1: accounts must be an array of tables: write [[accounts]]"),
    ("[[accounts]]", "1: accounts number 1 has no name"),
    ("[[accounts]]\nname = 'a'", '1: accounts "a" has no api_key; write api_key = "env:GEMINI_A'),
    (f"{ACCOUNTS}kind = 'gemimi'", "4: accounts \"one\" kind is 'gemimi'; did you mean gemini?"),
    (f"{ACCOUNTS}base_url = 'ftp://x'", '4: accounts "one" base_url cannot be used; it must be'),
    (f"{ACCOUNTS}base_url = 'http://u:p@x'", '4: accounts "one" base_url cannot be used'),
    (f"{ACCOUNTS}{ACCOUNTS}", '5: accounts "one" name is that of line 2 again; choose another'),
    (f"{ACCOUNTS}models = 'gemini'", "4: accounts \"one\" models is 'gemini'; it must be an arr"),
    (f"{ACCOUNTS}enabled = 1", '4: accounts "one" enabled is 1; it must be true or false'),
    (f"{ACCOUNTS}rpm = 0", '4: accounts "one" rpm is 0; it must be a whole number from 1 on'),
    ("[[keys]]\nname = 'a'", '1: keys "a" has no key; gemstream relay keys create makes one'),
    ("[[keys]]\nname = 'a b'\nkey = 'c'", "2: keys \"a b\" name is 'a b'; it must be a name of"),
    ("[[keys]]\nname = 'a'\nkey = 'bb'", '3: keys "a" key cannot be used; it must be 24 or more'),
    (f"{KEYS}[[keys]]\nname = 'b'\nkey = '{SECRET}'", '6: keys "b" key is the key of line 3'),
    (f"{KEYS}accounts = ['on']\n{ACCOUNTS}", '4: keys "team-a" accounts names on, which no acco'),
    (f"{KEYS}groups = ['x']", '4: keys "team-a" groups names x, which no account has; there are'),
    (f"{KEYS}surfaces = ['soap']", "4: keys \"team-a\" surfaces is ['soap']; of its element 1:"),
    (f"{KEYS}expires = '2027-01-01'", "4: keys \"team-a\" expires is '2027-01-01'; it must be a"),
    (f"{KEYS}expires = 2027-01-01T00:00:00", '4: keys "team-a" expires is 2027-01-01 00:00:00;'),
    (f"{KEYS}budget_day = '5'", "4: keys \"team-a\" budget_day is '5'; it must be dollars, not"),
    (f"{KEYS}[keys.budget]\nday = 1", '4: keys "team-a" budget does not exist; did you mean bud'),
    (f"{KEYS}on_disconnect = 'stay'", "4: keys \"team-a\" on_disconnect is 'stay'; it must be o"),
    (f"{KEYS}cidrs = ['10.0.0.1/8']", "4: keys \"team-a\" cidrs is ['10.0.0.1/8']; of its eleme"),
    ("[aliases]\na = 3", "2: aliases.a must lead from a model to a model"),
    ("[aliases]\na = 'b'\nb = 'c'", "2: aliases.a leads to b, which is an alias itself"),
    ("[prices.x]\ninput = 1", "1: prices of 'x': output is missing"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_a_problem_is_told_with_its_place(text: str, said: str) -> None:
    told = refused(text)
    assert any(line.startswith(f"relay.toml:{said}".replace("::", ":")) for line in told), told


def test_all_problems_are_told_from_top_to_bottom() -> None:
    told = refused("[server]\nport = -1\n[[keys]]\nname = 'k'\nkey = 3\n[admin]\nx = 1\n")
    assert [line.split(" ")[0] for line in told] == [
        "relay.toml:2:",
        "relay.toml:5:",
        "relay.toml:7:",
    ]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.dates(),
    st.datetimes(),
    st.sampled_from(["env:GEMINI_API_KEY", "env:", "one", SECRET, "machine", "gemini"]),
)
NAMES = st.one_of(
    st.text(), st.sampled_from([*SERVER, *ADMIN, *LEDGER, *ACCOUNT, *KEY, *BUDGET, "timeouts"])
)
TABLES = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS))
SECTIONS = st.sampled_from(
    ["server", "admin", "ledger", "limits", "accounts", "keys", "aliases", "prices"]
)


@given(st.dictionaries(SECTIONS, st.one_of(SCALARS, TABLES, st.lists(TABLES), st.lists(SCALARS))))
def test_whatever_a_file_holds_is_options_or_a_typed_error(tables: dict[str, Any]) -> None:
    try:
        relay_options(TOMLFile(Path("relay.toml"), tables, {}), ENVIRON)
    except ConfigError as error:
        assert str(error)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*: No such file"):
        load_relay(tmp_path / "none.toml", {})


def test_a_command_line_wins_over_the_file() -> None:
    file = parse_toml(Path("relay.toml"), '[server]\nport = 1\n[limits]\nstore = "machine"\n')
    options = relay_options(file, {}, overrides=Overrides(port=2, workers=3))
    assert (options.server.port, options.server.workers) == (2, 3)
    with pytest.raises(ConfigError, match="would count alone"):
        relay_options(parse_toml(Path("a"), ""), {}, overrides=Overrides(workers=2))


def test_nothing_shows_a_secret() -> None:
    options = read(
        f'{ACCOUNTS}{KEYS}[admin]\ntoken = "{SECRET}-of-operators"\n[limits]\nstore = "redis://:{SECRET}@h"\n'
        f'[ledger]\nurl = "postgresql://u:{SECRET}@h/d"\n'
    )
    for shown in (repr(options), str(options), repr(options.keys), f"{options.accounts}"):
        assert SECRET not in shown
        assert "name='" in shown or "accounts=" in shown
    assert "key=…" in repr(options)
    assert msgspec.structs.asdict(options.keys[0])["key"] == SECRET


def test_an_emulated_relay_has_one_account_and_one_key() -> None:
    options = emulated_options("http://127.0.0.1:1", SECRET, "sqlite:////tmp/a.db")
    assert [account.base_url for account in options.accounts] == ["http://127.0.0.1:1"]
    assert [key.key for key in options.keys] == [SECRET]
    assert options.ledger.url == "sqlite:////tmp/a.db"
