"""What every test shares: in CI, a test skipped because something is not installed has failed.

A skip is a courtesy to whoever works without an optional program. Where everything is meant to
be installed (``CI=true``) the same skip would hide that the tests no longer test it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest

from support.databases import books, database_url
from support.postgres_server import postgres_of_session, postgres_url
from support.redis_server import redis_of_session, redis_server

__all__ = (
    "books",
    "database_url",
    "postgres_of_session",
    "postgres_url",
    "redis_of_session",
    "redis_server",
)

_MISSING = re.compile(
    r"could not import|no module named|not installed|command not found|not found on path",
    re.IGNORECASE,
)

# Nobody's own settings or stored key reach a test, nor the programs that it starts.
os.environ["XDG_CONFIG_HOME"] = os.path.join(os.sep, "nonexistent")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of one test into a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_missing_install(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module (``importorskip`` at its top) into an error."""
    report = yield
    _fail_missing_install(report)
    return report


def _fail_missing_install(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") != "true" or not report.skipped:
        return
    # A skipped report carries (path, line, reason).
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if _MISSING.search(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped for a missing install, which CI counts as a failure: {reason}"
