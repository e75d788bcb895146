"""A release is judged before any Asterisk sees it: every spoiled one is refused, no good one is."""

from __future__ import annotations

import re
from itertools import product

import emergency_paths
import pytest
from exchange_faults import FAULTS, release, spoiled
from exchange_plans import EXAMPLES, PLAN, plans
from hypothesis import HealthCheck, given, settings

from ops.catalogue import exchange_check, exchange_rules, exchange_ways
from ops.derive import pbx
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system import asterisk_trial

GOOD = release(pbx.artifacts(PLAN))
RULES = exchange_rules.rules(PLAN.numbering.emergency)
MEANT = exchange_check.judge(GOOD, RULES).wanted
BAD = list(spoiled(GOOD))


def test_the_good_release_is_good() -> None:
    assert exchange_check.judge(GOOD, RULES).faults == []
    assert {"20100", "trunk-telko"} < MEANT.names("endpoint")


def test_the_demonstration_is_good(batubara: Region) -> None:
    files = release(pbx.artifacts(batubara))
    assert exchange_check.judge(files, exchange_rules.rules(batubara.numbering.emergency)).faults == []


def test_there_are_faults_of_more_kinds_than_asterisk_was_tried_with() -> None:
    assert len({kind for kind, *_ in FAULTS}) == len(FAULTS) >= 90


@pytest.mark.parametrize(("kind", "files"), BAD, ids=[kind for kind, _ in BAD])
def test_every_spoiled_release_is_refused(kind: str, files: dict[str, str]) -> None:
    verdict = exchange_check.judge(files, RULES)
    if kind.endswith("· plan"):
        assert verdict.faults == [], "this one is refused without the plan, too: say so in the table"
        assert exchange_check.differences(MEANT, verdict.wanted)
    else:
        assert verdict.faults


def test_a_fault_says_where_it_is() -> None:
    files = dict(BAD)["option misspelt"]
    (fault,) = exchange_check.judge(files, RULES).faults
    line = files["_region.endpoint.conf"].split("\n").index("direct_medai=no") + 1
    assert str(fault) == f"_region.endpoint.conf:{line} direct_medai is no option of an endpoint"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_no_good_plan_is_refused(plan: Region) -> None:
    """Neither by the rules of the inventory, which `plans` reads it with, nor by the judge of releases."""
    verdict = exchange_check.judge(release(pbx.artifacts(plan)), exchange_rules.rules(plan.numbering.emergency))
    assert [str(fault) for fault in verdict.faults] == []


_ON_THE_WAY = {"Goto", "GotoIf", "Set", "NoOp", "Dial", "Log", "Progress", "Playtones", "Wait", "Hangup"}
_ASKED = re.compile(r"\$\{(\w+)")
_HARMLESS = {"EXTEN", "KOMINFO_CID", "DIALSTATUS", "DIALPLAN_EXISTS", "CHANNEL", "HANGUPCAUSE"}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_an_emergency_call_from_anywhere_gets_out_whatever_is_used_up(plan: Region) -> None:
    """Whichever way the call goes, it rings the call centre first, where there is one, then every trunk. And nothing on
    its way asks for anything that can be used up: calls, minutes, classes, counts, locks."""
    numbering = plan.numbering
    assert {*numbering.emergency} >= {"110", "112", "113", "115", "118", "119"}
    wanted = exchange_check.judge(release(pbx.artifacts(plan)), exchange_rules.rules(numbering.emergency)).wanted
    trunks = [f"PJSIP/${{EXTEN}}@trunk-{trunk.name}" for trunk in numbering.trunks]
    contexts = [name for name in wanted.plan.contexts if name.startswith("opd-")]
    assert len(contexts) == len(plan.opds)
    for context, number in product(contexts, numbering.emergency):
        centre = numbering.call_centre.get(number)
        rung = (*([f"Local/{centre}@kominfo-numbers/n"] if centre else []), *trunks)
        assert {*emergency_paths.paths(wanted.plan, context, number)} == {rung}
        steps = list(exchange_ways.walk(wanted.plan, context, number))
        assert {step.app for step in steps} <= _ON_THE_WAY
        assert {name for step in steps for name in _ASKED.findall(step.args)} <= _HARMLESS


@pytest.mark.parametrize("kind", ["half-written", "word that is no option", "trunk's password too short"])
def test_no_fault_quotes_a_password(kind: str) -> None:
    canary = "Kanari9" * 4
    bad = {name: text.replace("Abcdefgh12345678" * 2, canary) for name, text in dict(BAD)[kind].items()}
    bad["_region.auth.conf"] = bad["_region.auth.conf"].replace(f"password={canary}", f"password {canary}")
    faults = exchange_check.judge(bad, RULES).faults
    assert faults
    assert "Kanari" not in " ".join(map(str, faults))


def test_what_asterisk_quotes_is_hidden() -> None:
    log = (
        "[2026-11-22 07:00:00] ERROR[7] config_options.c: Error with password_digest=MD5:0123456789abcdef of x\n"
        "[2026-11-22 07:00:00] ERROR[7] res_sorcery_config.c: Could not create 'password' => 'Kanari9Kanari9' of x\n"
    )
    said = asterisk_trial.complaints(log)
    assert len(said) == 2
    assert not [word for word in ("0123456789", "Kanari") if word in " ".join(said)]


@pytest.fixture(scope="module")
def batubara() -> Region:
    from pathlib import Path  # noqa: PLC0415

    return load(Path(__file__).parents[2] / "inventories/batubara")
