"""What Hypothesis draws from: mostly what people do, now and then what they should not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.model.commits import Way
from tests.model.promises import Pay

RATES = (Decimal("6.00"), Decimal("7.35"))
DRIVERS, EVERYBODY = ["dina", "eve"], ["dina", "eve", "omar", "ada"]
MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)


def mostly(usual: Sequence[Any], odd: Sequence[Any], *, times: int = 4) -> st.SearchStrategy[Any]:
    """One of the usual things, so many times as often as one of the odd ones."""
    each = max(1, times * len(odd) // len(usual))
    return st.sampled_from([*usual * each, *odd])


# Where each run begins: an ordinary night, clocks set back and forward, the leap day, the year's end.
BEGINNINGS = st.sampled_from(
    [
        datetime(2026, 11, 22, 22, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
        datetime(2027, 11, 7, 5, 15, tzinfo=UTC),
        datetime(2028, 2, 28, 23, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 45, tzinfo=UTC),
    ]
)
# In which zones clients write their times. Lord Howe's summer time is half an hour.
ZONE = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])

# A number is the place of something among its like; 0, where it matters, is the likeliest.
NUMBER = st.integers(0, 11)
SOON = mostly([0], [1, 2, 3, 4, 5], times=2)

LENGTH = mostly(
    [60 * MINUTE, 10 * MINUTE, 6 * MINUTE, timedelta(seconds=61.5), 5 * MINUTE + INSTANT],
    [
        *(MINUTE * n for n in (1, 5, 30, 90, 24 * 60)),
        *(timedelta(days=31), timedelta(days=31) + INSTANT, timedelta(0), -INSTANT),
    ],
)
# None is now; a number, a moment at which a booking begins or ends.
START = mostly(
    [None, 0, 1, 2, 3 * MINUTE, 60 * MINUTE],
    [timedelta(0), timedelta(days=365), timedelta(days=365) + INSTANT, -INSTANT],
)
GAP = mostly([timedelta(0)], [INSTANT, -INSTANT, MINUTE])
BESIDE = mostly([timedelta(0)], [INSTANT, -INSTANT], times=1)
WHILE = st.sampled_from([timedelta(seconds=1), timedelta(seconds=31), 6 * MINUTE, 60 * MINUTE, 1500 * MINUTE])

DRIVER = st.sampled_from(DRIVERS)
# None is who usually does it.
STRANGER = mostly([None], EVERYBODY, times=5)
PAY = mostly(
    [Pay("card", "tok_visa"), Pay("cash")], [Pay("upi", "tok_visa"), Pay("card", "tok_declined")], times=3
)
USUALLY = mostly([True], [False])
FAULT = mostly([None], [(commit, way) for commit in (0, 0, 1, 2, 3, 4) for way in Way], times=2)
