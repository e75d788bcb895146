"""A release is judged before any Asterisk sees it: every spoiled one is refused, no good one is."""

from __future__ import annotations

import pytest
from exchange_faults import FAULTS, release, spoiled
from exchange_plans import PLAN, plans
from hypothesis import HealthCheck, given, settings

from ops.catalogue import exchange_check, exchange_rules
from ops.derive import pbx
from ops.inventory.load import load
from ops.inventory.model import Region

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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_no_good_plan_is_refused(plan: Region) -> None:
    verdict = exchange_check.judge(release(pbx.artifacts(plan)), RULES)
    assert [str(fault) for fault in verdict.faults] == []


@pytest.fixture(scope="module")
def batubara() -> Region:
    from pathlib import Path  # noqa: PLC0415

    return load(Path(__file__).parents[2] / "inventories/batubara")
