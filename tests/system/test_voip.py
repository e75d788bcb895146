"""A throw-away Asterisk reads back what the plan says; what Asterisk takes without a word does not get past it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from exchange_faults import release, spoiled
from exchange_plans import PLAN, plans
from hypothesis import HealthCheck, Phase, given, settings
from throwaway_asterisk import ROLE, Exchange, exchange, image

from ops.catalogue import exchange_check, exchange_live
from ops.derive import pbx
from ops.inventory.model import Region
from ops.system.asterisk_trial import trial
from ops.system.exchange_release import Releases

pytestmark = pytest.mark.system
GOOD = release(pbx.artifacts(PLAN))
MEANT = exchange_check.wanted_of(GOOD)
SILENT = (  # Asterisk boots with each of these and says nothing, or only that it booted
    "type lost",
    "endpoint lost",
    "emergency not looked at",
)


def seen(files: dict[str, str], meant: exchange_check.Wanted = MEANT) -> list[str]:
    """What a fresh Asterisk shows otherwise than it was meant."""
    root = image()
    with trial([root / "etc/asterisk", ROLE / "files"], files, str(root)) as one:
        return [*one.complaints, *exchange_live.read_back(one.ask, meant)]


def test_a_fresh_asterisk_shows_the_good_release_as_it_was_meant() -> None:
    assert seen(GOOD) == []


@pytest.mark.parametrize("kind", SILENT)
def test_what_asterisk_takes_in_silence_is_seen_when_it_is_read_back(kind: str) -> None:
    assert seen(dict(spoiled(GOOD))[kind])


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(plans())
def test_a_good_plan_with_any_names_is_shown_as_it_was_meant(plan: Region) -> None:
    files = release(pbx.artifacts(plan))
    assert seen(files, exchange_check.wanted_of(files)) == []


def test_each_of_a_trunks_servers_is_looked_for() -> None:
    """Asterisk shows them in an order of its own."""
    trunk = PLAN.numbering.trunks[0]
    more = trunk.model_copy(update={"servers": tuple(ip_address(f"203.0.{at}.3") for at in range(1, 7))})
    numbering = PLAN.numbering.model_copy(update={"trunks": (more,)})
    files = release(pbx.artifacts(PLAN.model_copy(update={"numbering": numbering})))
    assert seen(files, exchange_check.wanted_of(files)) == []
    fewer = {name: text.replace("contact=sip:203.0.4.3:5060\n", "") for name, text in files.items()}
    assert len([what for what in seen(fewer, exchange_check.wanted_of(files)) if "contact:" in what]) == 1


@pytest.fixture(scope="module")
def running() -> Iterator[Exchange]:
    with exchange(list(pbx.artifacts(PLAN)), [str(PLAN.server("dc-pbx").address)]) as started:
        yield started


def in_force(running: Exchange) -> Releases:
    return Releases(running.etc())


def test_a_change_rewrites_one_file_and_the_one_before_comes_back_when_it_is_refused(running: Exchange) -> None:
    staged = running.etc() / "kominfo/dinkes.endpoint.conf"
    good = staged.read_text(encoding="utf-8")
    first = in_force(running).current()
    before = {path.name: path.stat().st_ino for path in (running.etc() / "current").iterdir()}
    staged.write_text(good.replace("Kepala Dinas", "Kepala Badan"), encoding="utf-8")
    assert running.take_up() == ""
    assert '"Kepala Badan" <20101>' in running.cli("pjsip show endpoint 20101")
    after = {path.name: path.stat().st_ino for path in (running.etc() / "current").iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"dinkes.endpoint.conf"}
    second = in_force(running).current()
    staged.write_text(good + "\n[20999](opd-dinkes)\nno_such=1\n", encoding="utf-8")
    said = running.take_up()
    assert f"; release {second} is back after" in said
    assert in_force(running).current() == second != first
    staged.write_text(good, encoding="utf-8")
    assert running.take_up() == ""
    assert in_force(running).current() == first
    assert '"Kepala Dinas" <20101>' in running.cli("pjsip show endpoint 20101")
    assert "nothing changed, nothing reloaded" in running.program("take-up").out


def test_nothing_bad_is_taken_up_and_what_was_changed_by_hand_is_found_at_night(running: Exchange) -> None:
    staged = running.etc() / "kominfo/dinkes.dialplan.conf"
    good = staged.read_text(encoding="utf-8")
    staged.write_text(good.replace("include => kominfo-emergency\n", ""), encoding="utf-8")
    done = running.program("validate")
    assert "opd-dinkes must look at kominfo-emergency before anything else" in done.err
    staged.write_text(good, encoding="utf-8")
    assert running.program("check").ok
    running.cli("dialplan add extension 112,1,Hangup,1 into opd-dinkes")
    running.cli("dialplan remove include kominfo-numbers from opd-disdik")
    by_hand = running.etc() / "current/disdik.aor.conf"
    text = by_hand.read_text(encoding="utf-8")
    by_hand.write_text(text + "\n[29998](kominfo-contact)\n", encoding="utf-8")
    done = running.program("check")
    assert "was changed by hand" in done.err
    assert "context opd-disdik would be another one after a start" in done.out
    by_hand.write_text(text, encoding="utf-8")
    running.cli("dialplan reload")


def test_a_release_folder_is_found_for_what_it_is(tmp_path: Path) -> None:
    """`ops voip validate --release` boots what stands in a folder, and compares it with the plan."""
    from ops.jobs import voip_validate  # noqa: PLC0415

    class World:
        region = PLAN

    for name, text in GOOD.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    good = voip_validate.validate(World(), tmp_path)  # type: ignore[arg-type] # it needs no more of a world
    assert good["faults"] == []
    assert good["booted"].startswith("on this machine")
    path = tmp_path / "dinkes.endpoint.conf"
    path.write_text(path.read_text(encoding="utf-8").replace("Kepala", "Wakil"), encoding="utf-8")
    found = voip_validate.validate(World(), tmp_path)  # type: ignore[arg-type]
    assert found["faults"] == ["endpoint/20101 is another one: the plan says otherwise"]
