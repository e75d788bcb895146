"""A plan for machines is bound to what it was made from, and shows all that would change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.plan import gate
from ops.plan.machine import MachinePlan, Step, beyond, dump, for_gate, lines, load, moved

NAMES = st.text("abc", min_size=1, max_size=3)
PART = st.dictionaries(NAMES, st.sampled_from(["1", "2", "3"]), max_size=4)
STEPS = st.builds(Step, NAMES, st.lists(NAMES, max_size=2).map(tuple), NAMES, NAMES, NAMES)
PLANS = st.builds(
    MachinePlan,
    st.dictionaries(NAMES, st.lists(STEPS, max_size=3).map(tuple), max_size=4),
    st.dictionaries(NAMES, NAMES, max_size=2),
    st.fixed_dictionaries({"inventory": PART, "playbooks": PART, "variables": PART, "versions": PART}),
    st.fixed_dictionaries({"limit": st.lists(NAMES, max_size=2), "fast": st.booleans()}),
)


@given(plan=PLANS)
def test_it_comes_back_as_it_was_kept(plan: MachinePlan) -> None:
    again = load(json.loads(json.dumps(dump(plan))))
    assert again == plan
    assert again.checksum == plan.checksum
    assert moved(plan.inputs, again.inputs) == []
    assert beyond(plan, again) == []


@given(plan=PLANS, data=st.data())
def test_any_other_input_or_step_gives_another_checksum_and_is_named(plan: MachinePlan, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(plan.inputs)))
    name = data.draw(st.sampled_from(sorted(plan.inputs[part])) if plan.inputs[part] else st.just("new"))
    other = {**plan.inputs, part: {**plan.inputs[part], name: "another"}}
    changed = MachinePlan(plan.hosts, plan.unread, other, plan.asked)
    assert changed.checksum != plan.checksum
    word = "has changed" if name in plan.inputs[part] else "is new"
    assert moved(plan.inputs, other) == [f"{part}: {name} {word}"]
    more = MachinePlan({**plan.hosts, "z": (Step("more", digest="d"),)}, plan.unread, plan.inputs, plan.asked)
    assert more.checksum != plan.checksum
    assert beyond(plan, more) == ["z: more"]
    assert beyond(more, plan) == [], "what is done already is no reason"


@pytest.mark.parametrize("key", ["hosts", "inputs", "asked", "checksum", "unread"])
def test_one_that_was_written_to_is_refused(key: str) -> None:
    plan = dump(MachinePlan({"a": (Step("t"),)}, {}, {"inventory": {"f": "1"}}, {"limit": []}))
    load(plan)
    for wrong in ({**plan, key: {"b": []}}, {name: value for name, value in plan.items() if name != key}):
        with pytest.raises(ValueError, match=r"plan|checksum"):
            load(wrong)


class Limits:
    change_share, delete_share, change_count, delete_count = 0.3, 0.1, 5, 5
    protected = ("server:vault/*",)


def test_the_gate_judges_it_like_any_plan() -> None:
    def plan(host: str, number: int) -> MachinePlan:
        return MachinePlan({host: tuple(Step(f"t{n}", digest="d") for n in range(number))}, {}, {})

    assert gate.objections(for_gate(plan("a", 2), 20), Limits()) == []
    assert "6 to change, the policy's most is 5" in gate.objections(for_gate(plan("a", 6), 40), Limits())[0]
    assert "4 of 12 to change" in gate.objections(for_gate(plan("a", 4), 12), Limits())[0]
    assert "protected" in gate.objections(for_gate(plan("vault", 1), 40), Limits())[0]


def test_every_host_is_shown() -> None:
    step = Step("web : Site", ("/etc/site",), "@@ -1 +1 @@\n-old\n+new", "d", "roles/web/tasks/main.yml:3")
    plan = MachinePlan({"b": (step,), "a": ()}, {"c": "unreachable: off"}, {})
    assert list(lines(plan)) == [
        "a: nothing to change",
        "b: 1 to change",
        "  ~ web : Site: /etc/site",
        "c: left out, it could not be looked at: unreachable: off",
    ]
    assert "      +new" in list(lines(plan, verbose=True))
