"""The way outside: what people dial becomes one E.164 number of the right kind; menus keep the declared hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

import phonenumbers
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from telephone_plan import OTHER, SHOWN, region

from ops.catalogue import exchange_outside, exchange_rings, exchange_sense
from ops.catalogue.exchange_conf import read
from ops.catalogue.exchange_dialplan import Dialplan, parse
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
    """What the exchange makes of it, by the matcher that judges every release; None: nobody outside is called."""
    return said(_plan(files["_region.dialplan.conf"]), number)


@cache
def _plan(text: str) -> Dialplan:
    here = {"_region.dialplan.conf": re.sub(r"^#tryinclude .*\n", "", text, flags=re.MULTILINE)}
    return parse(read(here, "_region.dialplan.conf"))


def said(plan: Dialplan, number: str) -> tuple[str, str] | None:
    found = plan.find("kominfo-outside", number)
    if not found:
        return None
    (step,) = found[1].steps
    args = re.sub(r"\$\{EXTEN(?::(\d+))?\}", lambda part: number[int(part[1] or 0) :], step.args)
    if step.app == "Goto":
        return said(plan, args.split(",")[1])
    kind, _, called = args.partition("(")[2].removesuffix(")").partition(",")
    return kind, called


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("20199", None),  # as long as an extension
        ("410001", ("local", "+62622410001")),
        ("4100012", ("local", "+626224100012")),
        ("0622410001", ("local", "+62622410001")),
        ("+62622410001", ("local", "+62622410001")),
        ("0211234567", ("national", "+62211234567")),
        ("+62211234567", ("national", "+62211234567")),
        ("081234567890", ("mobile", "+6281234567890")),
        ("+6281234567890", ("mobile", "+6281234567890")),
        ("0014155550100", ("international", "+14155550100")),
        ("+14155550100", ("international", "+14155550100")),
        ("08091234567", ("premium", "+628091234567")),
        ("+628041234567", ("premium", "+628041234567")),
        ("00628091234567", ("premium", "+628091234567")),
        ("08001234567", ("public", "+628001234567")),
        ("00881612345678", ("premium", "+881612345678")),
        ("+8801712345678", ("international", "+8801712345678")),  # a country, not a satellite
        ("+18091234567", ("international", "+18091234567")),
        ("147", ("public", "147")),
        ("123", ("public", "123")),
        ("14045", ("public", "14045")),
        ("1500123", ("public", "1500123")),
        ("115", None),  # an emergency number never leaves by the way of ordinary calls
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
        assert re.fullmatch(r"\+[0-9]+", says) or (kind == "public" and says == number)
        assert (kind == "local") == says.startswith("+62622")
        if kind not in {"public", "premium"}:
            assert (kind == "international") == (not says.startswith("+62"))
        assert says.startswith(("+62", "1")) or number.startswith(("00", "+"))


_OWN = {
    "fixed_line": "national",
    "mobile": "mobile",
    "premium_rate": "premium",
    "shared_cost": "premium",
    "toll_free": "public",
}
_ID = phonenumbers.PhoneMetadata.metadata_for_region("ID")
_ABROAD = sorted(phonenumbers.SUPPORTED_REGIONS - {"ID"})


def varied(draw: st.DrawFn, example: str) -> str:
    """A number like the library's example: some digits longer or shorter, and others from some place on."""
    kept = draw(st.integers(1, len(example)))
    return (example[:kept] + draw(st.text("0123456789", min_size=2, max_size=9)))[: len(example) + 1]


@st.composite
def indonesian(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """(kind, E.164, what may be dialled for it) of a number that the library calls valid."""
    form = draw(st.sampled_from(sorted(_OWN)))
    own = varied(draw, getattr(_ID, form).example_number)
    number = f"+62{own}"
    parsed = phonenumbers.parse(number)
    right = getattr(phonenumbers.PhoneNumberType, form.upper())
    assume(phonenumbers.number_type(parsed) == right)
    near = own.startswith("622")
    town = [own[3:]] if near and 6 <= len(own[3:]) <= 8 and own[3] in "2345678" else []
    return "local" if near else _OWN[form], number, [number, f"0{own}", f"0062{own}", *town]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(indonesian())
def test_what_is_dialled_in_the_country_is_what_the_library_makes_of_it(one: tuple[str, str, list[str]]) -> None:
    kind, number, ways = one
    for way in ways:
        assert dialled(_FILES, way) == (kind, number)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(_ABROAD), st.data())
def test_what_is_dialled_abroad_is_what_the_library_makes_of_it(code: str, data: st.DataObject) -> None:
    about = phonenumbers.PhoneMetadata.metadata_for_region(code)
    form = getattr(about, data.draw(st.sampled_from(["fixed_line", "mobile"])))
    assume(form and form.example_number)
    own = varied(data.draw, form.example_number)
    number = f"+{about.country_code}{own}"
    parsed = phonenumbers.parse(number)
    assume(phonenumbers.is_valid_number(parsed))
    for way in (number, f"00{number[1:]}"):
        assert dialled(_FILES, way) == ("international", number)


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS - {800}))
def test_what_is_of_no_country_costs_more(code: int) -> None:
    about = phonenumbers.PhoneMetadata.metadata_for_nongeo_region(code)
    number = f"+{code}{next(example for example in examples(about))}"
    assert dialled(_FILES, number) == ("premium", number)


def examples(about: phonenumbers.PhoneMetadata) -> Iterator[str]:
    for form in ("mobile", "voip", "premium_rate", "shared_cost", "personal_number", "uan", "fixed_line"):
        if one := getattr(about, form):
            yield from [one.example_number] * bool(one.example_number)


def test_an_incoming_call_is_refused_once_the_ordinary_channels_are_taken(files: dict[str, str]) -> None:
    """Whoever rings from outside can not use up what emergencies need: and no release that lets him goes live."""
    text = files["_region.dialplan.conf"]
    counted = "GotoIf($[${GROUP_COUNT(telko@kominfo-trunk)} <= 1]?free)"
    assert text.count(counted) == text.count(" same => n(free),Goto(kominfo-numbers,") > 0
    for sought, instead in ((f" same => n,{counted}\n", ""), (counted, counted.replace("<= 1", "<= 3"))):
        spoilt = _plan(text.replace(sought, instead))
        said_of_it = [str(fault) for fault in exchange_sense.check_sense(spoilt, {"trunk-telko"}, ["112"])]
        assert any("is not held to the trunk's ordinary channels" in fault for fault in said_of_it)


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
