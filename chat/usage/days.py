"""The day of the token limits: from midnight to midnight in the deployment's DAY_TIME_ZONE."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings


def zone() -> ZoneInfo:
    """The time zone in which days are counted."""
    return ZoneInfo(settings.DAY_TIME_ZONE)


def day_start(now: datetime, *, back: int = 0) -> datetime:
    """The midnight with which the day of `now` began, or the one `back` days earlier."""
    return _midnight(now, -back)


def day_end(now: datetime) -> datetime:
    """The midnight with which the next day begins: 23, 24 or 25 hours after this one."""
    return _midnight(now, 1)


def _midnight(now: datetime, days: int) -> datetime:
    date = now.astimezone(zone()).date() + timedelta(days=days)
    return datetime.combine(date, time.min, tzinfo=zone())
