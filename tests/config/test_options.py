"""Options: given, else from the environment, else the default, each with its origin."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.config.options import BASE_URL, resolve_key, resolve_options
from gemstream.errors import ConfigError

SECRET = "AIza-secret"

# Given, environment → field, value, origin.
RESOLVED: list[tuple[dict[str, Any], dict[str, str], str, Any, str]] = [
    ({}, {}, "base_url", BASE_URL, "default"),
    ({}, {"GOOGLE_GEMINI_BASE_URL": ""}, "base_url", BASE_URL, "default"),
    (
        {},
        {"GOOGLE_GEMINI_BASE_URL": "http://localhost:1/"},
        "base_url",
        "http://localhost:1",
        "GOOGLE_GEMINI_BASE_URL",
    ),
    (
        {"base_url": "https://h/a/"},
        {"GOOGLE_GEMINI_BASE_URL": "http://localhost:1"},
        "base_url",
        "https://h/a",
        "given",
    ),
    ({}, {}, "api_version", "v1beta", "default"),
    ({}, {}, "model", "gemini-2.5-flash", "default"),
    ({"model": "m"}, {"GEMINI_MODEL": "e"}, "model", "m", "given"),
]


@pytest.mark.parametrize(("given", "environ", "field", "value", "origin"), RESOLVED)
def test_what_is_given_wins_over_the_environment_and_that_over_the_default(
    given: dict[str, Any], environ: dict[str, str], field: str, value: Any, origin: str
) -> None:
    options = resolve_options(given, environ)
    assert getattr(options, field) == value
    assert options.origins[field] == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "HTTPS://Example.com",
        "http://[::1]:80",
        "https://h/a/b",
        "http://h",
        "https://h/a@b",
        "https://bücher.example",
    ],
)
def test_a_base_url_is_kept_without_its_last_slash(url: str) -> None:
    assert resolve_options({"base_url": f"{url}//"}, {}).base_url == url


BAD_URLS = [
    ("localhost:8080", "must be an http or https URL with a host"),
    ("ftp://h", "must be an http or https URL with a host"),
    ("http://", "must be an http or https URL with a host"),
    ("https:///v1", "must be an http or https URL with a host"),
    ("http://[::1", "must be an http or https URL with a host"),
    ("http://h:99999", "must be an http or https URL with a host"),
    ("http://h:port", "must be an http or https URL with a host"),
    ("http://h:0", "must be an http or https URL with a host"),
    ("", "must be an http or https URL with a host"),
    ("http://h\r\nx: y", "must be text without spaces"),
    ("http://h h", "must be text without spaces"),
    (" http://h", "must be text without spaces"),
    ("http://h\0", "must be text without spaces"),
    (b"http://h", "must be text without spaces"),
    (8080, "must be text without spaces"),
    ("https://h?", "must not hold a query"),
    ("https://h#", "must not hold a query"),
    (f"https://h/?key={SECRET}", "must not hold a query"),
    (f"h?key={SECRET}", "must not hold a query"),
    (f"https://user:{SECRET}@h", "must not hold a query, a fragment or a user"),
    (f"https://:{SECRET}@h", "must not hold a query, a fragment or a user"),
    (f"ftp://{SECRET}@h", "must not hold a query, a fragment or a user"),
    (f"https://{SECRET}@h:99999", "must not hold a query, a fragment or a user"),
]


@pytest.mark.parametrize(("url", "said"), BAD_URLS)
def test_a_base_url_that_cannot_be_used_is_refused_without_showing_a_secret(
    url: Any, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        resolve_options({"base_url": url}, {})
    assert "base_url (given)" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_error_names_the_variable_that_was_wrong() -> None:
    with pytest.raises(ConfigError, match=r"base_url \(GOOGLE_GEMINI_BASE_URL\) is 'nowhere'"):
        resolve_options({}, {"GOOGLE_GEMINI_BASE_URL": "nowhere"})


# Given, environment → key, origin.
KEYS: list[tuple[str | None, dict[str, str], str | None, str]] = [
    (None, {}, None, "none"),
    (None, {"GEMINI_API_KEY": "e"}, "e", "GEMINI_API_KEY"),
    (None, {"GOOGLE_API_KEY": "o", "GEMINI_API_KEY": "e"}, "o", "GOOGLE_API_KEY"),
    (None, {"GOOGLE_API_KEY": "", "GEMINI_API_KEY": "e"}, "e", "GEMINI_API_KEY"),
    (None, {"GOOGLE_API_KEY": ""}, None, "none"),
    ("g", {"GOOGLE_API_KEY": "o"}, "g", "given"),
    ("", {"GOOGLE_API_KEY": "o"}, "", "given"),
]


@pytest.mark.parametrize(("given", "environ", "key", "origin"), KEYS)
def test_a_key_is_given_or_of_the_environment(
    given: str | None, environ: dict[str, str], key: str | None, origin: str
) -> None:
    assert resolve_key(given, environ) == (key, origin)


def test_a_repr_tells_where_each_option_came_from() -> None:
    environ = {"GOOGLE_GEMINI_BASE_URL": "http://h"}
    shown = repr(resolve_options({"model": "m"}, environ, key_origin="GEMINI_API_KEY"))
    assert "base_url='http://h' (GOOGLE_GEMINI_BASE_URL)" in shown
    assert "model='m' (given)" in shown
    assert "api_version='v1beta' (default)" in shown
    assert "api_key (GEMINI_API_KEY)" in shown
