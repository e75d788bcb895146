"""Which sets a schedule with `due` takes: none before its time, each in time, whatever the night's run took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.layout import Item
from ops.inventory.model import BackupSet, Opd, Recovery, RetentionPolicy
from ops.inventory.rules.backup_times import EVERY
from ops.jobs.backup import due

HOUR, NIGHT = 3600.0, 86_400.0


def item(schedule: str, **more: object) -> Item:
    opd = Opd.model_construct(code="dinkes", name="Dinas Contoh", backup=())
    span = {"rpo": "31d", "rto": "4h"}
    return Item(
        opd, BackupSet(name="dokumen", kind="files", server="s", source="/srv", schedule=schedule, **span, **more)
    )


@pytest.mark.parametrize(("schedule", "nights"), [("hourly", 1), ("daily", 1), ("weekly", 7)])
@given(late=st.lists(st.floats(0, 2 * HOUR), min_size=30, max_size=30))
def test_a_nightly_run_takes_each_set_as_often_as_it_says(schedule: str, nights: int, late: list[float]) -> None:
    taken, when = None, []
    for night, delay in enumerate(late):
        now = night * NIGHT + delay
        if due(item(schedule), taken, now):
            taken = now
            when.append(night)
    assert when == list(range(0, 30, nights))


@given(age=st.floats(-1e9, 1e9), schedule=st.sampled_from(sorted(EVERY)))
def test_nothing_is_put_off_beyond_its_time(age: float, schedule: str) -> None:
    put_off = not due(item(schedule), 0.0, age)
    assert not put_off or 0 <= age < EVERY[schedule]
    assert due(item(schedule), None, age), "never taken"


def test_a_set_keeps_as_many_backups_as_it_says_itself() -> None:
    recovery = Recovery.model_construct(retention=RetentionPolicy(daily=14))
    assert recovery.kept_of(item("daily").set).daily == 14
    own = item("daily", retention={"daily": 60, "weekly": 0, "monthly": 120}).set
    assert recovery.kept_of(own).monthly == 120
