"""The pruner's guard: whatever an attacker adds, the newest good backup and the good ones before it stay."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from backup.prune_guard import DAY, DRILL_AGE, MANY, UNREADABLE, Copy, Facts, Reason, refusals

NOW = 1_700_000_000.0


def good(count: int, size: int, removed: int) -> Facts:
    """Daily backups of about one size; the oldest go."""
    copies = tuple(Copy(f"s{n}", NOW - (count - n) * DAY, size + n, counted=True) for n in range(count))
    remove = frozenset(one.id for one in copies[: min(removed, count - 1)])
    return Facts(NOW, "daily", copies, remove, copies[-1].id, (), ("none", NOW - DAY))


GOOD = st.builds(good, st.integers(1, 60), st.integers(1000, 10**9), st.integers(0, 59))


def reasons(facts: Facts) -> set[Reason]:
    return {one.reason for one in refusals(facts)}


@given(GOOD)
def test_good_repositories_are_never_refused(facts: Facts) -> None:
    assert refusals(facts) == []


@given(GOOD, st.floats(301, 10**9))
def test_a_date_in_the_future_stops_it(facts: Facts, ahead: float) -> None:
    one = Copy("x", NOW + ahead, 5, counted=False)
    assert Reason.FUTURE in reasons(dataclasses.replace(facts, copies=(*facts.copies, one)))


@given(GOOD, st.sampled_from(sorted(MANY)), st.integers(0, 40), st.floats(0, DAY))
def test_a_flood_stops_it_whatever_its_dates(facts: Facts, schedule: str, day: int, spread: float) -> None:
    many = MANY[schedule] + 1
    flood = [Copy(f"f{n}", NOW - day * DAY - n * spread / many, 1, counted=False) for n in range(many)]
    facts = dataclasses.replace(facts, schedule=schedule, copies=(*facts.copies, *flood))
    assert Reason.FLOOD in reasons(facts)


@given(GOOD, st.sampled_from(sorted(MANY)), st.integers(0, 40), st.booleans())
def test_many_counted_backups_of_a_day_stop_it_until_a_plan_has_shown_them(
    facts: Facts, schedule: str, day: int, seen: bool
) -> None:
    at = NOW - (len(facts.copies) + day + 1) * DAY
    run = [
        Copy(f"m{n}", at + n, facts.copies[0].bytes, counted=True, entered=at + n) for n in range(MANY[schedule] + 1)
    ]
    planned = at + (DAY if seen else -DAY)
    facts = dataclasses.replace(facts, schedule=schedule, copies=(*run, *facts.copies), planned=planned)
    assert reasons(facts) == (set() if seen else {Reason.FLOOD})


@given(st.builds(good, st.integers(2, 60), st.integers(1000, 10**9), st.integers(0, 59)), st.floats(0, 0.49))
def test_a_newest_backup_that_shrank_stops_it(facts: Facts, share: float) -> None:
    newest = dataclasses.replace(facts.copies[-1], bytes=int(share * facts.copies[0].bytes))
    assert Reason.SHRUNK in reasons(dataclasses.replace(facts, copies=(*facts.copies[:-1], newest)))


@given(
    GOOD,
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from(["tamper", "rpo", "silent", UNREADABLE]), st.just(NOW)),
        st.tuples(st.just("none"), st.floats(0, NOW - DRILL_AGE - 1)),
        st.tuples(st.just("none"), st.floats(NOW + 1, 2 * NOW)),
    ),
)
def test_without_a_recent_green_drill_nothing_goes(facts: Facts, drilled: tuple[str, float] | None) -> None:
    assert reasons(dataclasses.replace(facts, drilled=drilled)) == {Reason.DRILL}


@given(GOOD)
def test_what_the_ledger_does_not_know_stops_it(facts: Facts) -> None:
    assert reasons(dataclasses.replace(facts, foreign=("x",))) == {Reason.FOREIGN}
    assert Reason.NEWEST in reasons(dataclasses.replace(facts, remove=facts.remove | {"x"}))
    assert Reason.NEWEST in reasons(dataclasses.replace(facts, remove=facts.remove | {facts.newest}))
    assert Reason.MISSING in reasons(dataclasses.replace(facts, newest="gone"))


@given(GOOD, st.sampled_from([("canaries_changed", 1.0), ("encrypted_ratio", 0.21), ("changed_ratio", 0.7)]))
def test_what_hosts_saw_change_in_masses_stops_it_until_a_drill_has_looked(
    facts: Facts, figure: tuple[str, float]
) -> None:
    usual = {"canaries_changed": 0.0, "encrypted_ratio": 0.1, "changed_ratio": 0.5}
    assert reasons(dataclasses.replace(facts, figures=(usual, {}))) == set()
    assert reasons(dataclasses.replace(facts, figures=({**usual, figure[0]: figure[1]}, usual))) == {Reason.RANSOMWARE}
