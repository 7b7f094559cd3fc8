"""Files of the configuration: which are found, which wins, and what each value's origin is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.config import Config
from gemstream.config.limits import Limits
from gemstream.config.loading import load_config
from gemstream.errors import ConfigError

MODEL = ("providers", "gemini", "default_model")
RPM = "[providers.gemini.tiers.free]\nrpm = {}\n"


class World:
    """A home and a repository in it, with whatever files a test writes."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.repository = self.home / "work" / "repository"
        self.folder = self.repository / "src" / "deep"
        self.folder.mkdir(parents=True)
        (self.repository / ".git").mkdir()
        self.environ = {"HOME": str(self.home)}

    def write(self, path: str, text: str) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def load(self, source: Any = None) -> Config:
        return load_config(source, self.environ)


USER = ".config/gemstream/gemstream.toml"
PROJECT = "work/repository/gemstream.toml"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("HOME", str(made.home))
    return made


def model(name: str) -> str:
    return f'[providers.gemini]\ndefault_model = "{name}"\n'


# --- which files are found -------------------------------------------------------------------

# The files that there are, each saying its own path → the one that wins.
FOUND: list[tuple[list[str], str | None]] = [
    ([], None),
    ([USER], USER),
    ([PROJECT], PROJECT),
    ([USER, PROJECT], PROJECT),
    ([PROJECT, "work/repository/src/gemstream.toml"], "work/repository/src/gemstream.toml"),
    (
        ["work/repository/src/deep/gemstream.toml", PROJECT],
        "work/repository/src/deep/gemstream.toml",
    ),
    (["work/gemstream.toml"], None),  # above the repository
    (["gemstream.toml"], None),  # the home is no project
    (["work/repository/src/deep/botticelli.toml"], "work/repository/src/deep/botticelli.toml"),
    (["work/repository/src/deep/boticelli.toml"], "work/repository/src/deep/boticelli.toml"),
    (["work/repository/botticelli.toml"], None),  # read in its own folder only, as by its program
    (["work/repository/src/deep/botticelli.toml", PROJECT], PROJECT),
    (
        ["work/repository/src/deep/botticelli.toml", USER],
        "work/repository/src/deep/botticelli.toml",
    ),
    ([".config/botticelli/botticelli.toml"], ".config/botticelli/botticelli.toml"),
    ([".config/boticelli/boticelli.toml"], ".config/boticelli/boticelli.toml"),
    ([".config/botticelli/botticelli.toml", USER], USER),
]


@pytest.mark.parametrize(("files", "winner"), FOUND)
def test_the_strongest_file_wins(world: World, files: list[str], winner: str | None) -> None:
    for count, path in enumerate(files):
        world.write(path, model(f"model-{count}"))
    found = world.load().find(*MODEL)
    if winner is None:
        assert found is None
    else:
        assert found == (f"model-{files.index(winner)}", f"{world.home / winner}:2")


def test_outside_of_a_repository_only_the_working_directory_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.repository / ".git").rmdir()
    world.write(PROJECT, model("planted"))
    assert world.load().files == ()
    monkeypatch.chdir(world.repository)
    assert world.load().files == (str(world.home / PROJECT),)


def test_a_worktree_is_a_repository_too(world: World) -> None:
    (world.repository / ".git").rmdir()
    world.write("work/repository/.git", "gitdir: elsewhere\n")
    world.write(PROJECT, model("m"))
    assert world.load().files == (str(world.home / PROJECT),)


def test_the_folder_of_xdg_wins_over_the_home(world: World) -> None:
    world.write(USER, model("home"))
    world.write("xdg/gemstream/gemstream.toml", model("xdg"))
    world.environ["XDG_CONFIG_HOME"] = str(world.home / "xdg")
    assert world.load().find(*MODEL)[0] == "xdg"  # type: ignore[index]
    world.environ["XDG_CONFIG_HOME"] = "relative"  # invalid by its specification
    assert world.load().find(*MODEL)[0] == "home"  # type: ignore[index]


def test_a_named_file_is_read_instead_of_all_others(world: World) -> None:
    world.write(USER, "[budget]\nrpm = 0.5\n")
    world.write(PROJECT, model("project"))
    other = world.write("other.toml", model("other"))
    for source in (other, str(other), "~/other.toml"):
        config = world.load(source)
        assert config.files == (str(other),)
        assert config.find(*MODEL) == ("other", f"{other}:2")
        assert config.budget.rpm == 1
    world.environ["GEMSTREAM_CONFIG"] = str(other)
    assert world.load().files == (str(other),)
    world.environ["GEMSTREAM_CONFIG"] = os.devnull
    assert world.load().settings == {}
    world.environ["GEMSTREAM_CONFIG"] = ""
    assert world.load().find(*MODEL) == ("project", f"{world.home / PROJECT}:2")


def test_a_named_file_that_is_not_there_is_refused(world: World) -> None:
    world.environ["GEMSTREAM_CONFIG"] = "~missing/x.toml"
    with pytest.raises(ConfigError, match=r"GEMSTREAM_CONFIG names .*: No such file"):
        world.load()
    with pytest.raises(ConfigError, match=r"config names .*missing\.toml: No such file"):
        world.load(world.home / "missing.toml")
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*: Is a directory"):
        world.load(world.home)


@pytest.mark.parametrize("source", [True, 3, b"a.toml", "", [], Path])
def test_what_names_no_file_is_refused(world: World, source: Any) -> None:
    with pytest.raises(ConfigError, match="pass the path of a file, a Config, or False"):
        world.load(source)


def test_false_is_no_files_and_a_config_is_itself(world: World) -> None:
    world.write(USER, model("m"))
    assert world.load(False).files == ()
    config = world.load()
    assert world.load(config) is config


def test_a_folder_of_that_name_is_no_file(world: World) -> None:
    (world.repository / "gemstream.toml").mkdir()
    assert world.load().files == ()


def test_without_a_home_there_is_no_user_file(world: World) -> None:
    world.write(PROJECT, model("m"))
    assert load_config(None, {"HOME": "nowhere"}).files == (str(world.home / PROJECT),)


def test_a_file_is_read_again_only_when_it_changed(world: World) -> None:
    file = world.write(USER, model("first"))
    first = world.load()
    assert world.load() is first
    file.write_text(model("a-longer-name"), encoding="utf-8")
    assert world.load().find(*MODEL) == ("a-longer-name", f"{file}:2")


# --- layers merge key by key -----------------------------------------------------------------


def test_layers_merge_key_by_key(world: World) -> None:
    user = world.write(
        USER,
        "[timeouts]\ntotal = 60\nidle = 5\n[budget]\nrpm = 0.8\n"
        '[providers.gemini.tiers.free.models."gemini-2.0-flash"]\nrpm = 7\ntpm = 70\n',
    )
    project = world.write(
        PROJECT,
        '[timeouts]\ntotal = "forever"\n[budget]\ntpm = 0.5\n'
        '[providers.gemini.tiers.Free.models."models/gemini-2.0-flash"]\nrpm = 3\n',
    )
    config = world.load()
    assert (config.timeouts.total, config.timeouts.idle, config.timeouts.connect) == (None, 5, 5)
    assert (config.budget.rpm, config.budget.tpm, config.budget.rpd) == (0.8, 0.5, 1)
    row = ("providers", "gemini", "tiers", "free", "models", "gemini-2.0-flash")
    assert config.find(*row, "rpm") == (3, f"{project}:6")
    assert config.find(*row, "tpm") == (70, f"{user}:8")
    limits = config.tiers["gemini"].tiers["free"].limits_of("gemini-2.0-flash")
    assert limits == Limits(rpm=3, tpm=70, rpd=200, concurrency=2)


def test_prices_are_kept_as_they_are_written_and_merge_too(world: World) -> None:
    world.write(
        USER, '[prices.a]\ninput = 1\noutput = "0.3"\n[prices.a.long]\ninput = 2\noutput = 3'
    )
    world.write(PROJECT, '[prices."models/a"]\ninput = 2')
    long = {"input": 2, "output": 3}
    assert world.load().prices == {"a": {"input": 2, "output": "0.3", "long": long}}
    assert load_config(False).prices == {}


@pytest.mark.parametrize(
    ("written", "table"),
    [("[prices.a]\ninput = 1", "prices.a"), ("[prices.a]\nlong.input = 1", "prices.a.long")],
)
def test_prices_that_lack_one_are_refused(world: World, written: str, table: str) -> None:
    place = world.write(PROJECT, written)
    with pytest.raises(ConfigError) as caught:
        world.load()
    assert str(caught.value).startswith(f"{place}:2: {table} has no output; give input and output")


def test_how_limits_are_kept(world: World) -> None:
    assert world.load().limits.away == "share"
    world.write(
        USER,
        '[limits]\nstore = "redis://user:pw@cache:6379/2"\nwait = 2.5\ncheck_every = 8\n'
        'away = "closed"\nadaptive = true\n',
    )
    limits = world.load().limits
    assert limits.store == "redis://user:pw@cache:6379/2"
    assert (limits.wait, limits.check_every) == (2.5, 8)
    assert (limits.away, limits.adaptive) == ("closed", True)
    world.write(PROJECT, '[limits]\nwait = "forever"\ncheck_every = false\n')
    assert (world.load().limits.wait, world.load().limits.check_every) == (None, None)


# --- tiers -----------------------------------------------------------------------------------

# Text of the file, provider, tier, model → limits.
ROWS: list[tuple[str, str, str, str, Limits]] = [
    (RPM.format(5), "gemini", "free", "any", Limits(rpm=5, tpm=250_000, rpd=250, concurrency=2)),
    # A bundled row gives way: its reader does not know that it is there.
    (
        RPM.format(5),
        "gemini",
        "free",
        "gemini-2.5-pro",
        Limits(rpm=5, tpm=125_000, rpd=50, concurrency=2),
    ),
    (
        f'{RPM.format(5)}[providers.gemini.tiers.free.models."gemini-2.5-pro"]\nrpm = 1\n',
        "gemini",
        "free",
        "gemini-2.5-pro",
        Limits(rpm=1, tpm=125_000, rpd=50, concurrency=2),
    ),
    (
        '[providers.gemini.tiers.pay_as_you_go]\nrpd = 9\nconcurrency = "unlimited"\n',
        "gemini",
        "tier1",
        "gemini-2.0-flash",
        Limits(rpm=2_000, tpm=4_000_000, rpd=9, concurrency=None),
    ),
    (
        '[providers.gemini.tiers.free.models]\n"gemini-2.5-pro" = {rpd = "unlimited"}\n',
        "gemini",
        "free",
        "models/gemini-2.5-pro",
        Limits(rpm=2, tpm=125_000, rpd=None, concurrency=2),
    ),
    (
        "[providers.openai.tiers.Enterprise]\ntpm = 1_000\n",
        "openai",
        "enterprise",
        "gpt",
        Limits(tpm=1_000),
    ),
    (
        '[providers.openai.tiers.tier1.models."ft:gpt-4o:we::id"]\nrpm = 4\n',
        "openai",
        "tier1",
        "ft:gpt-4o:we::id",
        Limits(rpm=4, tpm=200_000, concurrency=50),
    ),
    (
        "[providers.anthropic.tiers.tier1]\nconcurrency = 1\n",
        "anthropic",
        "tier1",
        "claude",
        Limits(rpm=5, tpm=20_000, concurrency=1),
    ),
]


@pytest.mark.parametrize(("text", "provider", "tier", "name", "limits"), ROWS)
def test_numbers_of_a_file_are_over_the_bundled_ones(
    world: World, text: str, provider: str, tier: str, name: str, limits: Limits
) -> None:
    world.write(USER, text)
    assert world.load().tiers[provider].tiers[tier].limits_of(name) == limits


def test_what_else_a_tier_says(world: World) -> None:
    world.write(
        USER,
        '[providers.gemini.tiers.free]\nadaptive_ceiling = 9\ntpm_counts = "total"\n'
        "cost_per_million_input_tokens = 0.5\n[providers.gemini.tiers.mine]\nrpm = 1\n",
    )
    tiers = world.load().tiers["gemini"].tiers
    assert (tiers["free"].adaptive_ceiling, tiers["free"].tpm_counts) == (9, "total")
    assert tiers["free"].cost_per_million_input_tokens == 0.5
    assert (tiers["mine"].tpm_counts, tiers["mine"].adaptive_ceiling) == ("input", None)


WARNINGS = [
    (
        '[providers.gemini.tiers.free.models."gemini-2.5-flsh"]\nrpm = 1\n',
        ":2: the bundled list has no model 'gemini-2.5-flsh'; did you mean gemini-2.5-flash?",
    ),
    (
        "[providers.gemini.tiers.fre]\nrpm = 1\n",
        ":2: gemini has no tier 'fre' yet; did you mean free?",
    ),
    ('[providers.gemini.tiers.free.models."gemini-2.5-pro"]\nrpm = 1\n', None),
    ('[providers.gemini.tiers.free.models."tunedModels/mine"]\nrpm = 1\n', None),
    ('[providers.openai.tiers.tier1.models."gpt-9"]\nrpm = 1\n', None),
    ("[providers.gemini.tiers.enterprise]\nrpm = 1\n", None),
]


@pytest.mark.parametrize(("text", "warning"), WARNINGS)
def test_what_may_be_a_slip_is_told(world: World, text: str, warning: str | None) -> None:
    file = world.write(USER, text)
    assert world.load().warnings == (() if warning is None else (f"{file}{warning}",))


# --- a botticelli.toml -----------------------------------------------------------------------

THEIRS = """
[database]
url = "postgres://"
[providers.gemini]
default_tier = "payasyougo"
default_model = "gemini-2.0-flash-lite"
base_url = "https://elsewhere.example"
key = "not for us"
[providers.gemini.tiers.free]
name = "Free"
rpm = 7
tpm = 18446744073709551615
rpd = 4294967295
max_concurrent = 1
daily_quota_usd = 0.0
cost_per_million_input_tokens = 0.1
[providers.gemini.tiers.free.models."gemini-2.5-pro"]
rpm = 3
tpm = 9223372036854775807
[providers.gemini.tiers.payasyougo]
rpm = 360
[providers.unheard_of]
rpm = 0
[budget]
rpm_multiplier = 0.8
"""


def test_the_provider_section_of_a_botticelli_file_is_taken(world: World) -> None:
    file = world.write("work/repository/src/deep/botticelli.toml", THEIRS)
    config = world.load()
    assert config.warnings == ()
    tiers = config.tiers["gemini"].tiers
    assert tiers["free"].limits_of("any") == Limits(rpm=7, concurrency=1)
    assert tiers["free"].limits_of("gemini-2.5-pro") == Limits(rpm=3, concurrency=1)
    assert tiers["free"].cost_per_million_input_tokens == 0.1
    assert tiers["tier1"].limits.rpm == 360
    assert config.find("providers", "gemini", "default_tier") == ("payasyougo", f"{file}:5")
    assert config.find("providers", "gemini", "base_url") is None
    assert config.budget.rpm == 1
    place = ("providers", "gemini", "tiers", "free", "concurrency")
    assert config.find(*place) == (1, f"{file}:14")


def test_a_number_of_a_botticelli_file_that_lets_nothing_in_is_refused(world: World) -> None:
    file = world.write(
        "work/repository/src/deep/boticelli.toml", "[providers.gemini.tiers.free]\nrpm = 0\n"
    )
    with pytest.raises(ConfigError) as caught:
        world.load()
    assert str(caught.value).startswith(f"{file}:2: providers.gemini.tiers.free.rpm is 0; it must")


# --- what a project's file may not say -------------------------------------------------------

SECRET = "AIza-secret"
HARMLESS = [
    "http://localhost:8089",
    "http://127.0.0.1:1",
    "http://[::1]:1",
    "https://generativelanguage.googleapis.com",
    "https://europe-west4-aiplatform.googleapis.com",
]
HARMFUL = [
    "https://relay.example.com",
    "http://generativelanguage.googleapis.com",
    "http://localhost.example.com",
    "https://127.0.0.1@evil.example",
    "http://[::1",
    "//evil.example",
]


@pytest.mark.parametrize("url", HARMLESS)
def test_a_project_may_name_this_machine_and_google(world: World, url: str) -> None:
    world.write(PROJECT, f'[providers.gemini]\nbase_url = "{url}"\n')
    assert world.load().section("providers", "gemini") == {"base_url": url}


@pytest.mark.parametrize("url", HARMFUL)
def test_a_project_cannot_send_the_key_elsewhere(world: World, url: str) -> None:
    text = f'[providers.gemini]\nbase_url = "{url}"\n'
    file = world.write(PROJECT, text)
    with pytest.raises(ConfigError, match="sends your key to another host") as caught:
        world.load()
    assert str(caught.value).startswith(f"{file}:2: providers.gemini.base_url ")
    assert world.load(file).section("providers", "gemini") == {"base_url": url}  # named: trusted
    file.unlink()
    world.write(USER, text)
    assert world.load().section("providers", "gemini") == {"base_url": url}


def test_a_project_holds_no_password_of_a_store(world: World) -> None:
    world.write(PROJECT, f'[limits]\nstore = "redis://:{SECRET}@h"\n')
    with pytest.raises(ConfigError, match="holds a user or password") as caught:
        world.load()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("path", [PROJECT, USER])
@pytest.mark.parametrize("name", ["key", "api_key", "API_KEY", "token"])
def test_a_key_is_refused_in_either_file_and_not_shown(world: World, path: str, name: str) -> None:
    file = world.write(path, f'[providers.gemini]\n{name} = "{SECRET}"\n')
    with pytest.raises(ConfigError, match="is a secret, and this file is shown") as caught:
        world.load()
    assert str(caught.value).startswith(f"{file}:2: providers.gemini.{name} ")
    assert "gemstream init" in str(caught.value)
    assert SECRET not in str(caught.value)
