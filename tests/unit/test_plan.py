"""The plan: comparing, fixed order, checksum, what moved since the review."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.plan.change import Action, Artifact
from ops.plan.plan import Plan, build, differences, dump, load

KINDS = st.sampled_from(["dns-zone", "web-host"])
KEYS = st.builds(
    "{}/{}.{}".format, st.sampled_from(["h1", "h2"]), st.sampled_from(["aa", "bb"]), st.sampled_from("xyz")
)
TEXTS = st.text(max_size=8)
ARTIFACTS = st.lists(
    st.builds(Artifact, KINDS, KEYS, TEXTS, st.just("f.yml:1")), max_size=12, unique_by=lambda one: (one.kind, one.key)
)
FOUND = st.dictionaries(KINDS, st.dictionaries(KEYS, TEXTS, max_size=6), max_size=2)


def applied(found: dict[str, dict[str, str]], plan: Plan) -> dict[str, dict[str, str]]:
    """What the world holds after every change of `plan` was made."""
    world = {kind: dict(contents) for kind, contents in found.items()}
    for change in plan.changes:
        place = world.setdefault(change.kind, {})
        if change.after is None:
            del place[change.key]
        else:
            place[change.key] = change.after
    return world


@given(ARTIFACTS, FOUND)
def test_a_second_plan_after_an_apply_is_empty(wanted: list[Artifact], found: dict[str, dict[str, str]]) -> None:
    plan = build(wanted, found, {})
    assert build(wanted, applied(found, plan), {}).changes == ()


@given(ARTIFACTS, FOUND, st.randoms())
def test_order_never_matters(wanted: list[Artifact], found: dict[str, dict[str, str]], random: object) -> None:
    shuffled = list(wanted)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = {kind: dict(reversed(found[kind].items())) for kind in reversed(found)}
    assert build(shuffled, other, {}).checksum == build(wanted, found, {}).checksum


@given(ARTIFACTS, FOUND)
def test_a_stored_plan_is_the_same_plan(wanted: list[Artifact], found: dict[str, dict[str, str]]) -> None:
    plan = build(wanted, found, {"h9": "down"}, ["aa"])
    again = load(dump(plan))
    assert (again, again.checksum) == (plan, plan.checksum)


@given(ARTIFACTS.filter(bool))
def test_the_checksum_knows_every_content(wanted: list[Artifact]) -> None:
    other = [replace(wanted[0], content=wanted[0].content + "!"), *wanted[1:]]
    assert build(wanted, {}, {}).checksum != build(other, {}, {}).checksum
    assert differences(build(wanted, {}, {}), build(other, {}, {}))


def test_a_plan_limited_to_an_office_leaves_the_others_alone() -> None:
    wanted = [
        Artifact("k", "h/aa.x", "1", "a:1"),
        Artifact("k", "h/bb.x", "1", "b:1"),
        Artifact("k", "h/_region.x", "1", "r:1"),
    ]
    plan = build(wanted, {"k": {"h/cc.x": "old"}}, {}, ["aa"])
    assert [change.key for change in plan.changes] == ["h/_region.x", "h/aa.x"]


def test_nothing_is_planned_for_a_host_that_could_not_be_read() -> None:
    wanted = [Artifact("k", "up/aa.x", "1", "a:1"), Artifact("k", "down/aa.x", "1", "a:1")]
    plan = build(wanted, {}, {"down": "no route"})
    assert [change.host for change in plan.changes] == ["up"]


def test_a_host_that_goes_away_after_the_review_is_no_reason_to_refuse() -> None:
    wanted = [Artifact("k", "up/aa.x", "1", "a:1"), Artifact("k", "down/aa.x", "1", "a:1")]
    assert differences(build(wanted, {}, {}), build(wanted, {}, {"down": "no route"})) == []


def test_what_is_found_and_not_declared_is_deleted() -> None:
    (change,) = build([], {"k": {"h/aa.x": "old"}}, {}).changes
    assert (change.action, change.before, change.after) == (Action.DELETE, "old", None)
