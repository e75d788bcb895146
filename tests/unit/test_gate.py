"""The gate: shares, counts, protected keys."""

from __future__ import annotations

from ops.inventory.model import Policies
from ops.plan.change import Artifact
from ops.plan.gate import objections
from ops.plan.plan import Plan, build


def plan_of(existing: int, *, changed: int = 0, deleted: int = 0, added: int = 0) -> Plan:
    found = {"k": {f"h/o{n:03}.x": "old" for n in range(existing)}}
    wanted = [
        Artifact("k", f"h/o{n:03}.x", "new" if n < changed else "old", "f:1") for n in range(existing - deleted)
    ] + [Artifact("k", f"h/new{n}.x", "new", "f:1") for n in range(added)]
    return build(wanted, found, {})


def test_a_small_plan_passes() -> None:
    assert objections(plan_of(40, changed=4, deleted=2), Policies()) == []


def test_additions_are_never_held_back() -> None:
    assert objections(plan_of(0, added=5000), Policies()) == []


def test_a_large_share_of_changes_or_deletions_is_held_back() -> None:
    assert objections(plan_of(40, changed=13), Policies()) == [
        "k: 13 of 40 to change, the policy's largest share is 30%"
    ]
    assert objections(plan_of(40, deleted=5), Policies()) == ["k: 5 of 40 to delete, the policy's largest share is 10%"]


def test_shares_of_a_handful_say_nothing() -> None:
    assert objections(plan_of(9, changed=9), Policies()) == []


def test_a_large_number_is_held_back_whatever_its_share() -> None:
    assert objections(plan_of(4000, changed=501), Policies()) == ["501 to change, the policy's most is 500"]


def test_protected_keys_need_a_reason() -> None:
    plan = build([], {"dns-zone": {"dc-dns/_region.zone": "old"}}, {})
    guarded = Policies(protected=("delete dns-zone:*/_region.*",))
    assert objections(plan, guarded) == [
        "delete dns-zone:dc-dns/_region.zone is protected by 'delete dns-zone:*/_region.*'"
    ]
    changed = build(
        [Artifact("dns-zone", "dc-dns/_region.zone", "new", "f:1")], {"dns-zone": {"dc-dns/_region.zone": "old"}}, {}
    )
    assert objections(changed, guarded) == []
    assert objections(changed, Policies(protected=("dns-zone:*/_region.*",)))


def test_an_office_that_is_taken_away_whole_needs_a_reason() -> None:
    many = {f"station/o{n:03}.yml": "old" for n in range(40)}
    there = {"ansible-vars": {**many, "station/dinkes.yml": "old"}, "web-host": {"dc-web/dinkes.conf": "old"}}
    kept = [Artifact("ansible-vars", key, "old", "f:1") for key in many]
    assert objections(build(kept, there, {}), Policies()) == ["office dinkes is taken away whole (2 things)"]
    # a part of an office may go without one
    still = [*kept, Artifact("ansible-vars", "station/dinkes.yml", "new", "f:1")]
    assert objections(build(still, there, {}), Policies()) == []
