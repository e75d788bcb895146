"""The way outside: what people dial becomes one E.164 number of the right kind; menus keep the declared hours."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telephone_plan import OTHER, SHOWN, region

from ops.catalogue import exchange_outside, exchange_rings
from ops.derive import pbx
from ops.inventory.model import Region
from ops.inventory.moments import DAYS
from ops.inventory.telephony import Hours


@pytest.fixture(scope="module")
def plan() -> Region:
    return region()


@pytest.fixture(scope="module")
def files(plan: Region) -> dict[str, str]:
    return {artifact.key.partition("/")[2]: artifact.content for artifact in pbx.artifacts(plan)}


def dialled(files: dict[str, str], number: str) -> tuple[str, str] | None:
    """What Asterisk makes of it: the most exact pattern first (a digit before a class before X before a dot)."""
    lines = re.findall(
        r"^exten => _(\S+),1,(?:Gosub\(kominfo-out,s,1\((\w+),|Goto\(kominfo-outside,)(.*?)(?:\)\)|,1\))$",
        files["_region.dialplan.conf"],
        re.MULTILINE,
    )
    fitting = [line for line in lines if re.fullmatch(as_regex(line[0]), number)]
    if not fitting:
        return None
    _, kind, says = min(fitting, key=lambda line: exactness(line[0]))
    said = re.sub(r"\$\{EXTEN(?::(\d+))?\}", lambda found: number[int(found[1] or 0) :], says)
    return (kind, said) if kind else dialled(files, said)


def as_regex(pattern: str) -> str:
    return pattern.replace("+", r"\+").replace(".", "[0-9*#]+").replace("X", "[0-9]")


def exactness(pattern: str) -> list[int]:
    """How many signs fit in each place; an end that fits all is the least exact."""
    signs = re.findall(r"\[[^]]*\]|.", pattern)
    return [1 if len(sign) == 1 and sign not in "X." else {"X": 10, ".": 99}.get(sign, 8) for sign in signs]


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("410001", None),  # six digits: nobody's
        ("4100012", ("local", "+626224100012")),
        ("0622410001", ("local", "+62622410001")),
        ("+62622410001", ("local", "+62622410001")),
        ("0211234567", ("national", "+62211234567")),
        ("+62211234567", ("national", "+62211234567")),
        ("081234567890", ("mobile", "+6281234567890")),
        ("+6281234567890", ("mobile", "+6281234567890")),
        ("0014155550100", ("international", "+14155550100")),
        ("+14155550100", ("international", "+14155550100")),
        ("20200", None),
        ("112", None),
    ],
)
def test_what_is_dialled_becomes_a_number_of_its_kind(
    files: dict[str, str], number: str, wanted: tuple[str, str] | None
) -> None:
    assert dialled(files, number) == wanted


@given(st.from_regex(r"\+?[0-9]{2,15}", fullmatch=True))
def test_nothing_dialled_as_the_own_country_is_charged_as_another_and_nothing_else_is(number: str) -> None:
    found = dialled(_FILES, number)
    if found:
        kind, says = found
        assert re.fullmatch(r"\+[0-9]+", says)
        assert (kind == "international") == (not says.startswith("+62"))
        assert (kind == "local") == says.startswith("+62622")
        assert says.startswith("+62") or number.startswith(("00", "+"))


_FILES = {artifact.key.partition("/")[2]: artifact.content for artifact in pbx.artifacts(region())}


def test_no_emergency_number_is_a_pattern_of_the_outside(plan: Region, files: dict[str, str]) -> None:
    assert [number for number in plan.numbering.emergency if dialled(files, number)] == []


def test_every_office_looks_outside_last_and_only_with_a_trunk(plan: Region, files: dict[str, str]) -> None:
    for opd in plan.opds:
        own = files[f"{opd.code}.dialplan.conf"].partition("[kominfo-numbers]")[0]
        includes = re.findall(r"^include => (\S+)$", own, re.MULTILINE)
        assert includes == ["kominfo-emergency", "kominfo-short-codes", "kominfo-numbers", "kominfo-outside"]


def test_who_has_no_class_carries_none(files: dict[str, str]) -> None:
    assert "kominfo-class" not in files["disdik.endpoint.conf"]
    assert "[20100](opd-dinkes.inside,kominfo-class-kota)" in files["dinkes.endpoint.conf"]
    assert "[20101](opd-dinkes.inside,kominfo-class-negeri)" in files["dinkes.endpoint.conf"]
    assert f"set_var=KOMINFO_CID={SHOWN}\n" in files["dinkes.endpoint.conf"]


def test_only_declared_direct_numbers_come_in(files: dict[str, str]) -> None:
    incoming = files["_region.dialplan.conf"].partition("[from-trunk-telko]\n")[2].partition("\n[")[0]
    numbers = re.findall(r"^exten => (\S+),1,", incoming, re.MULTILINE)
    assert {SHOWN, SHOWN[1:], "0622410001"} < set(numbers)
    assert OTHER not in numbers
    assert not [number for number in numbers if number.startswith("_")]


def test_a_trunks_password_is_named_and_stands_in_one_file(plan: Region) -> None:
    trunk = plan.numbering.trunks[0].model_copy(update={"user": "kominfo", "secret": "trunk/telko"})
    assert "password={{secret:trunk/telko}}" in exchange_outside.auth(trunk)
    assert "outbound_auth=trunk-telko" in exchange_outside.endpoint(trunk, "x.example")
    assert exchange_outside.auth(plan.numbering.trunks[0]) == ""


_WINDOWS = st.builds(
    lambda days, begins, length: (days, begins, (begins + length) % 1440),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1439),
)


@given(_WINDOWS, st.integers(0, 7 * 1440 - 1))
def test_the_exchanges_hours_are_the_declared_ones(window: tuple[set[str], int, int], minute: int) -> None:
    days, begins, ends = window
    clock = "{:02}:{:02}".format
    text = f"{','.join(sorted(days, key=DAYS.index))} {clock(*divmod(begins, 60))}-{clock(*divmod(ends, 60))}"
    (declared,) = Hours.model_validate({"at": "", "name": "x", "open": [text]}).open
    moment = datetime(2026, 11, 23) + timedelta(minutes=minute)  # noqa: DTZ001 # a Monday on a wall clock
    now = moment.hour * 60 + moment.minute
    today, yesterday = moment.weekday(), (moment.weekday() - 1) % 7
    wanted = (today in declared.days and declared.begins <= now < declared.ends) or (
        yesterday in declared.days and now + 1440 < declared.ends
    )
    assert any(goes(one, DAYS[today], now) for one in exchange_rings.times(declared)) == wanted


def goes(when: str, day: str, now: int) -> bool:
    clock, days, *_ = when.split(",")
    first, last = (int(one[:2]) * 60 + int(one[3:]) for one in clock.split("-"))
    return days == day and first <= now <= last
