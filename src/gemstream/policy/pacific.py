"""The day that a daily quota is counted in: from midnight to midnight in US/Pacific."""

from __future__ import annotations

import datetime
import zoneinfo

from ..errors import ConfigError

__all__ = ("pacific_day",)

_SECOND = 1_000_000_000


def pacific_day(now: int) -> tuple[int, int]:
    """Return when the day of ``now`` began and when it ends, in nanoseconds since 1970.

    Raises ConfigError on a machine that has no time zones.
    """
    zone = _zone()
    day = datetime.datetime.fromtimestamp(now // _SECOND, zone).date()
    return _midnight(day, zone), _midnight(day + datetime.timedelta(days=1), zone)


def _midnight(day: datetime.date, zone: datetime.tzinfo) -> int:
    start = datetime.datetime.combine(day, datetime.time(), zone)
    return int(start.timestamp()) * _SECOND


def _zone() -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo("America/Los_Angeles")
    except zoneinfo.ZoneInfoNotFoundError:
        raise ConfigError(
            "rpd counts days of US/Pacific, and this machine knows no time zones: "
            "pip install tzdata, or set no rpd"
        ) from None
