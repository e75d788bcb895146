"""How a plan reads: every line says where and why, and none holds a secret."""

from __future__ import annotations

from ops.plan import render
from ops.plan.change import Artifact
from ops.plan.plan import build


def test_each_line_says_where_it_goes_and_what_it_follows_from() -> None:
    plan = build([Artifact("dns-zone", "dc-dns/dinkes.zone", "x", "opd/dinkes.yml:38")], {}, {})
    lines = list(render.text(plan, {"dinkes": "Dinas Kesehatan"}))
    assert lines[0] == "dinkes  Dinas Kesehatan"
    assert lines[1].split() == ["+", "dns-zone", "dc-dns/dinkes.zone", "opd/dinkes.yml:38"]
    assert lines[-1] == "1 to add, 0 to change, 0 to delete on 1 host(s)"


def test_a_change_shows_only_the_lines_that_differ() -> None:
    plan = build([Artifact("k", "h/aa.x", "same\nnew\n", "f:1")], {"k": {"h/aa.x": "same\nold\n"}}, {})
    assert render.diff(plan.changes[0]) == ["-old", "+new"]


def test_a_content_that_names_secrets_is_never_shown() -> None:
    after = "password={{secret:voip/20101}}\nlabel=new\n"
    plan = build([Artifact("k", "h/aa.x", after, "f:1")], {"k": {"h/aa.x": "password=CANARY-OLD\nlabel=old\n"}}, {})
    everything = "\n".join([*render.text(plan, {}, verbose=True), *render.markdown(plan, {})])
    assert "CANARY" not in everything
    assert render.HIDDEN in everything


def test_what_a_host_wrote_does_not_reach_the_terminal_as_it_is() -> None:
    evil = "\x1b[2Jall is well\x07\x9b"
    plan = build([Artifact("k", "h/aa.x", "new\n", "f:1")], {"k": {"h/aa.x": evil, f"h/bb.{evil}": "x"}}, {})
    for line in [*render.text(plan, {}, verbose=True), *render.markdown(plan, {})]:
        assert line.replace("\n", "").isprintable(), line


def test_an_unread_host_is_named_with_its_reason() -> None:
    lines = list(render.text(build([], {}, {"dc-web": "SSH: timed out"}), {}))
    assert "dc-web: could not be read" in lines[0]


def test_a_changed_transport_says_that_it_holds_after_a_restart_only() -> None:
    key = "dc-pbx/_region.transport.conf"
    wanted = [Artifact("pbx-config", key, "tos=ef\n", "region.yml:1")]
    changed, added = build(wanted, {"pbx-config": {key: "tos=cs3\n"}}, {}), build(wanted, {}, {})
    for shown, so in ((changed, True), (added, False)):
        assert ("restart needed" in "\n".join(render.text(shown, {}))) == so
        assert ("restart needed" in "\n".join(render.markdown(shown, {}))) == so
