"""The pure half of the sweep: what a run left, what is there, what differs and why."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.sweep.baseline import Left, accept, artefacts, settle
from ops.sweep.compare import ARTEFACT, FILE, HAND, NOBODY, ROLE, Drifted, ask, compare, rules, unknown
from ops.sweep.harvest import items, rounds
from ops.sweep.item import APPLY, HOST, Because, Item, Manifest, dump, load, ordered

Seen = dict[str, Any]
WHY = Because("web", "«Web server is configured»", "playbooks/roles/web/tasks/main.yml:1", ("web",))
SHA = "a" * 64
DECLARED = [
    Item("file", "/etc/sudoers.d/50", {"mode": "0440", "owner": "root", "group": "root", "sha256": SHA}, WHY),
    Item("file", "/etc/edited", {}, WHY),
    Item("directory", "/srv/www", {"mode": "0755", "owner": "root", "group": "root"}, WHY),
    Item("link", "/etc/localtime", {"target": "/zone"}, WHY),
    Item("absent", "/etc/default-site", {}, WHY),
    Item("unit", "nginx.service", {"enabled": True, "active": True}, WHY),
    Item("unit", "old.service", {"enabled": False, "active": False}, WHY),
    Item("package", "nginx", {"installed": True}, WHY),
    Item("package", "mail-transport-agent", {"installed": True}, WHY),  # virtual: nothing has its name
    Item("account", "budi", {"shell": "/bin/bash", "groups": ["adm"]}, WHY),
    Item("sysctl", "net.x", {"value": "1"}, WHY, follows="/etc/sysctl.d/50"),
    Item("firewall", "inet kominfo", {}, WHY, follows="/etc/nftables.conf"),
]
SEEN: Seen = {
    "files": {
        "/etc/sudoers.d/50": ["f", "0440", "root", "root", SHA],
        "/etc/edited": ["f", "0600", "root", "adm", "b" * 64],
        "/srv/www": ["d", "0755", "root", "root"],
        "/etc/default-site": None,
    },
    "links": {"/etc/localtime": "/zone"},
    "folders": {"/etc/sudoers.d": ["50", "README"]},
    "sysctls": {"net.x": "1"},
    "fixed": [],
    "units": {
        "nginx.service": ["loaded", "active", "enabled", ""],
        "old.service": ["loaded", "inactive", "disabled", ""],
    },
    "packages": {"nginx": "1.26", "mail-transport-agent": None},
    "accounts": {
        "root": [0, "/root", "/bin/bash", ["root"], True],
        "budi": [1001, "/home/budi", "/bin/bash", ["adm", "budi"], True],
    },
    "groups": {"sudo": [], "adm": ["budi"]},
    "keys": {"root": None, "budi": "c" * 64},
    "ports": [
        ["tcp", "0.0.0.0", 80, "nginx", "nginx.service"],
        ["udp", "0.0.0.0", 5060, "asterisk", "asterisk.service"],
    ],
    "tables": {"inet kominfo": ["chain input {", "tcp dport { 80, 22 } accept"], "ip other": []},
    "cannot": {},
}
SUDO, EDITED, NGINX = "/etc/sudoers.d/50", "/etc/edited", "nginx.service"
PUT: dict[str, tuple[Callable[[Seen], object], str, str, str, str]] = {  # what was done → kind, name, words, cure
    "content": (lambda s: s["files"][SUDO].__setitem__(4, "0"), "file", SUDO, "content", ROLE),
    "mode": (lambda s: s["files"][SUDO].__setitem__(1, "0666"), "file", SUDO, "mode is 0666", ROLE),
    "owner": (lambda s: s["files"][EDITED].__setitem__(2, "x"), "file", EDITED, "owner is x", ROLE),
    "gone": (lambda s: s["files"].update({EDITED: None}), "file", EDITED, "gone", ROLE),
    "line": (lambda s: s["files"][EDITED].__setitem__(4, "0"), "file", EDITED, "content", ROLE),
    "folder mode": (lambda s: s["files"]["/srv/www"].__setitem__(1, "0777"), "directory", "/srv/www", "0777", ROLE),
    "link": (lambda s: s["links"].update({"/etc/localtime": "/utc"}), "link", "/etc/localtime", "/utc", ROLE),
    "back": (lambda s: s["files"].update({"/etc/default-site": ["f"]}), "absent", "/etc/default-site", "again", ROLE),
    "stopped": (lambda s: s["units"][NGINX].__setitem__(1, "failed"), "unit", NGINX, "failed", ROLE),
    "disabled": (lambda s: s["units"][NGINX].__setitem__(2, "disabled"), "unit", NGINX, "disabled", ROLE),
    "started": (lambda s: s["units"]["old.service"].__setitem__(1, "active"), "unit", "old.service", "active", ROLE),
    "overridden": (lambda s: s["units"][NGINX].__setitem__(3, "/x.conf"), "overrides", NGINX, "/x.conf", HAND),
    "removed": (lambda s: s["packages"].update(nginx=None), "package", "nginx", "not installed", ROLE),
    "shell": (lambda s: s["accounts"]["budi"].__setitem__(2, "/bin/sh"), "account", "budi", "/bin/sh", ROLE),
    "stranger": (lambda s: s["accounts"].update(x=[0, "/", "/bin/sh", [], True]), "account", "x", "can log in", HAND),
    "promoted": (lambda s: s["groups"]["sudo"].append("budi"), "group", "sudo", "new members: budi", HAND),
    "key": (lambda s: s["keys"].update(budi="0"), "keys", "budi", "differ", HAND),
    "new key": (lambda s: s["keys"].update(root="0"), "keys", "root", "now", HAND),
    "sysctl": (lambda s: s["sysctls"].update({"net.x": "0"}), "sysctl", "net.x", "it is 0, not 1", FILE),
    "rule": (lambda s: s["tables"]["inet kominfo"].append("accept"), "firewall", "inet kominfo", "added: accept", FILE),
    "table": (lambda s: s["tables"].update({"ip x": []}), "firewall", "ip x", "not there", HAND),
    "extra file": (lambda s: s["folders"]["/etc/sudoers.d"].append("99"), "folder", "/etc/sudoers.d", "99", HAND),
    "port": (lambda s: s["ports"].append(["tcp", "::", 8099, "nc", ""]), "port", "tcp [::]:8099", "nc listens", HAND),
    "no port": (lambda s: s["ports"].pop(0), "port", "tcp 0.0.0.0:80", "nobody listens", ROLE),
    "udp": (lambda s: s["ports"].append(["udp", "::", 53, "nc", ""]), "port", "udp [::]:53", "nc listens", HAND),
}


def left(*items_: Item, changed: bool = False, whole: bool = True) -> Left:
    said = [Item(**{**{f: getattr(one, f) for f in one.__slots__}, "changed": changed}) for one in items_]
    return Left("run-1", 1.0, said, whole=whole)


@pytest.fixture
def manifest() -> Manifest:
    """As after the first provision."""
    return settle("dc-web", left(*DECLARED, changed=True), SEEN, None)


def planted(name: str) -> Seen:
    seen = copy.deepcopy(SEEN)
    PUT[name][0](seen)
    return seen


def test_right_after_the_first_run_nothing_differs(manifest: Manifest) -> None:
    assert compare(manifest, SEEN) == []
    assert ("package", "mail-transport-agent") not in manifest.by_key()


@pytest.mark.parametrize("name", sorted(PUT))
def test_each_kind_of_drift_is_named_alone_and_why(manifest: Manifest, name: str) -> None:
    _, kind, what, words, cure = PUT[name]
    (found,) = compare(manifest, planted(name))
    assert (found.kind, found.name, found.cure) == (kind, what, cure)
    assert words in found.what
    assert found.because
    if cure in {ROLE, FILE}:
        assert found.because == str(WHY)
        assert (found.role, found.tags) == ("web", ("web",))


@pytest.mark.parametrize("name", sorted(PUT))
def test_a_run_that_did_nothing_about_it_does_not_make_it_look_right(manifest: Manifest, name: str) -> None:
    seen = planted(name)
    again = settle("dc-web", left(*DECLARED), seen, manifest)
    assert compare(again, seen) == compare(manifest, seen)
    assert compare(again, SEEN) == []


def test_accept_takes_what_nothing_declares_and_nothing_else(manifest: Manifest) -> None:
    for name, (_, _, _, _, cure) in PUT.items():
        seen = planted(name)
        after = compare(accept(manifest, seen, 2.0), seen)
        assert (after == []) == (cure == HAND or name in {"owner", "line", "rule", "no port"}), name


def test_a_unit_that_was_given_a_port_explains_it(manifest: Manifest) -> None:
    seen = copy.deepcopy(SEEN)
    seen["ports"].append(["tcp", "0.0.0.0", 443, "nginx", "nginx.service"])
    assert [one.name for one in compare(manifest, seen)] == ["tcp 0.0.0.0:443"]
    served = Left("run-2", 2.0, (), source=APPLY, served=True)
    assert compare(settle("dc-web", served, seen, manifest), seen) == []
    seen["ports"].append(["tcp", "0.0.0.0", 8099, "nc", "session-1.scope"])
    assert [one.name for one in compare(settle("dc-web", served, seen, manifest), seen)] == ["tcp 0.0.0.0:8099"]


def test_a_new_database_explains_its_port_and_a_strangers_stays_strange(manifest: Manifest) -> None:
    seen = copy.deepcopy(SEEN)
    unit = Item("unit", "postgresql.service", {"enabled": True}, WHY)
    seen["units"]["postgresql.service"] = ["loaded", "active", "enabled", ""]
    seen["ports"].append(["tcp", "0.0.0.0", 5432, "postgres", "postgresql@17-main.service"])
    made = settle("dc-web", left(*DECLARED, unit, changed=True), seen, manifest)
    assert compare(made, seen) == []
    assert made.of("port")["tcp 0.0.0.0:5432"].because == WHY
    seen["ports"].append(["tcp", "0.0.0.0", 8099, "nc", "session-3.scope"])
    again = settle("dc-web", left(*DECLARED, unit, changed=True), seen, made)
    assert [one.name for one in compare(again, seen)] == ["tcp 0.0.0.0:8099"]


def test_what_a_role_says_no_longer_is_forgotten_only_by_a_whole_run(manifest: Manifest) -> None:
    fewer = [one for one in DECLARED if one.kind != "link"]
    assert manifest.of("link").keys() == settle("h", left(*fewer, whole=False), SEEN, manifest).of("link").keys()
    assert settle("h", left(*fewer), SEEN, manifest).of("link") == {}


def test_artefacts_are_known_once_they_are_in_place(manifest: Manifest) -> None:
    because = Because(task="web-host of dinkes", at="inventories/x/opd/dinkes.yml:3")
    want = {"mode": "0644", "owner": "root", "group": "root", "sha256": SHA}
    item = Item("file", "/etc/nginx/kominfo/dinkes.conf", want, because, APPLY, "dinkes")
    seen = copy.deepcopy(SEEN)
    seen["files"][item.name] = None
    assert artefacts(manifest, [item], seen) == manifest, "it waits for an apply"
    seen["files"][item.name] = ["f", "0644", "root", "root", SHA]
    known = artefacts(manifest, [item], seen)
    assert compare(known, seen) == []
    seen["files"][item.name] = ["f", "0666", "root", "root", "0" * 64]
    assert artefacts(known, [item], seen) == known, "a difference is not taken for an apply"
    found = compare(known, seen)
    assert {(one.cure, one.scope, one.because) for one in found} == {(ARTEFACT, "dinkes", str(because))}
    assert len(found) == 2
    seen["files"][item.name] = None
    assert artefacts(known, [], seen) == manifest, "the office is gone, and its file"


def test_calls_and_settings_of_the_machine_are_no_drift(manifest: Manifest) -> None:
    seen = copy.deepcopy(SEEN)
    seen["ports"].append(["udp", "0.0.0.0", 14002, "asterisk", "asterisk.service"])
    seen["sysctls"]["net.x"], seen["fixed"] = "0", ["net.x"]
    seen["tables"]["inet kominfo"][1] = "tcp dport { 22, 80 } accept"
    assert compare(manifest, seen) == []


def test_what_a_host_could_not_tell_is_unknown_and_not_drift(manifest: Manifest) -> None:
    seen = copy.deepcopy(SEEN)
    seen["units"], seen["tables"], seen["cannot"] = (
        {},
        {},
        {"unit": "systemctl: 1", "firewall": "nft: FileNotFoundError"},
    )
    assert compare(manifest, seen) == []
    assert unknown(seen) == "firewall: nft: FileNotFoundError; unit: systemctl: 1"


def test_sets_over_several_lines_are_one_rule() -> None:
    assert rules(["elements = { 10.0.0.2,", "10.0.0.1 }"]) == rules(["elements = { 10.0.0.1, 10.0.0.2 }"])


def test_a_set_of_one_is_its_member(manifest: Manifest) -> None:
    """As nft 1.1 listed a rule of ours before its firewall took itself back, and after that."""
    before, after = "ip saddr { 10.40.0.0/24 } tcp dport 22 accept", "ip saddr 10.40.0.0/24 tcp dport 22 accept"
    assert rules([before]) == rules([after]) == [after]
    assert rules(["chain input {", before]) == rules(["chain input {", after])
    assert rules([before]) != rules([after.replace("10.40", "10.41")])
    assert rules(["tcp dport { 22, 80 } accept"]) == ["tcp dport { 22, 80 } accept"]
    old, seen = copy.deepcopy(SEEN), copy.deepcopy(SEEN)
    old["tables"]["inet kominfo"].append(before)
    seen["tables"]["inet kominfo"].append(after)
    assert compare(accept(manifest, old, 2.0), seen) == []


@given(st.lists(st.integers(1, 65535), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_any_spelling_of_a_set_is_the_same_and_another_set_is_not(ports: list[int], random: Any) -> None:
    shuffled = random.sample(ports, len(ports))
    one, other = (f"dport {{ {', '.join(map(str, some))} }} drop" for some in (ports, shuffled))
    assert rules([one]) == rules([other]) == rules(rules([one]))
    assert rules([one]) != rules([one.replace(f" {ports[0]}", f" {ports[0]}0", 1)])
    if len(ports) == 1:
        assert rules([one]) == rules([f"dport {ports[0]} drop"])


def test_a_host_is_asked_for_what_the_manifest_names(manifest: Manifest) -> None:
    asked = ask(manifest.items)
    assert asked["folders"] == ["/etc/sudoers.d"]
    assert asked["units"] == ["nginx.service", "old.service"]
    assert {*asked["files"]} == {*SEEN["files"]}


names = st.text("abcdefgh/.", min_size=1, max_size=8)
wants = st.dictionaries(st.sampled_from(["mode", "owner", "sha256"]), st.text(max_size=5))
drawn = st.builds(
    Item, st.sampled_from(["file", "directory", "port"]), names, wants,
    st.builds(Because, names, names, names, st.lists(names, max_size=3).map(tuple)),
    st.sampled_from([APPLY, HOST]), names, names, st.just(("mode",)),
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(drawn, max_size=12), names, st.floats(0, 1e10))
def test_a_manifest_is_read_back_as_it_was_written(found: list[Item], host: str, at: float) -> None:
    manifest = Manifest(host, "run", at, ordered(found))
    assert load(json.loads(json.dumps(dump(manifest)))) == manifest


@pytest.mark.parametrize("broken", [{}, {"format": 0}, {"format": 1, "host": "h", "run": "", "at": 1, "items": [{}]}])
def test_what_is_no_manifest_is_said_so(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="manifest"):
        load(broken)


paths = st.sampled_from([f"/etc/{name}.d/{name}" for name in "abcd"])
told = st.one_of(st.none(), st.tuples(st.just("f"), *[st.sampled_from(["0644", "x"])] * 4).map(list))


@settings(max_examples=40)
@given(st.dictionaries(paths, told), st.lists(st.sampled_from([0, 1]), max_size=4), st.booleans())
def test_a_first_look_never_differs_from_itself(files: dict[str, Any], ports: list[int], extra: bool) -> None:
    seen = {**copy.deepcopy(SEEN), "files": files}
    seen["ports"] = [["tcp", "0.0.0.0", 1000 + port, "x", ""] for port in ports]
    seen["folders"] = {f"/etc/{name}.d": ["x"] if extra else [] for name in "abcd"}
    there = [Item("file", path, {}, WHY) for path, one in files.items() if one]
    assert compare(settle("h", left(*there), seen, None), seen) == []


def done(action: str, arguments: dict[str, Any], **result: Any) -> list[Item]:
    told = {"changed": False, **result, "invocation": {"module_args": arguments}}
    return [one for each in rounds(told) for one in items(f"ansible.builtin.{action}", each, {}, WHY)]


def test_what_our_own_module_for_files_says() -> None:
    found = done(
        "kominfo_files",
        {
            "directories": [{"path": "/a", "mode": "0750"}, {"path": "/b", "keep": True}],
            "links": [{"path": "/l", "target": "/t"}],
            "files": [
                {"path": "/etc/sysctl.d/x.conf", "content": "# c\nnet.a = 0  2\n"},
                {"path": "/etc/nftables.conf", "content": "table inet kominfo {\n}\n", "mode": 640},
                {"path": "/secret", "content": "p=********"},
            ],
            "absent": ["/gone"],
        },
    )
    by = {one.key: one for one in found}
    assert by["directory", "/a"].want == {"mode": "0750", "owner": "root", "group": "root"}
    assert by["directory", "/b"].want == {}
    assert by["sysctl", "net.a"].want == {"value": "0 2"}
    assert by["sysctl", "net.a"].follows == "/etc/sysctl.d/x.conf"
    assert by["firewall", "inet kominfo"].follows == "/etc/nftables.conf"
    assert by["file", "/etc/nftables.conf"].want["mode"] == "0640"
    assert "sha256" not in by["file", "/secret"].want
    assert {("link", "/l"), ("absent", "/gone")} <= by.keys()
    assert all(one.because == WHY for one in found)


def test_what_ansibles_own_modules_say() -> None:
    assert [one.key for one in done("apt", {"name": ["a=1.0", "b:amd64", "c*"], "state": "present"})] == [
        ("package", "a"), ("package", "b"),
    ]  # fmt: skip
    (user,) = done("user", {"name": "u", "shell": "/bin/sh", "groups": ["adm"]}, name="u", shell="/bin/sh", home="/h")
    assert user.want == {"shell": "/bin/sh", "groups": ["adm"]}
    (unit,) = done("systemd_service", {"name": "x", "enabled": True, "state": "started"})
    assert (unit.name, unit.want) == ("x.service", {"enabled": True, "active": True})
    (copied,) = done("copy", {}, dest="/d", mode="0600", owner="o", group="g", changed=True)
    assert (copied.want, copied.changed) == ({"owner": "o", "group": "g", "mode": "0600"}, True)
    assert done("lineinfile", {"path": "/e"})[0].key == ("file", "/e")
    assert [one.kind for one in done("command", {"creates": "/c"}, changed=True)] == ["file", "deed"]
    assert done("debug", {}) == []


def test_a_hidden_result_is_read_from_what_the_task_writes() -> None:
    arguments = {"files": [{"path": "/etc/key", "content": "{{ secret }}", "mode": "0600"}, {"path": "{{ x }}"}]}
    (found,) = items("kominfo_files", {"censored": "…", "changed": True}, arguments, WHY)
    assert (found.name, found.changed) == ("/etc/key", True)
    assert found.want == {"mode": "0600", "owner": "root", "group": "root"}


def test_rounds_of_a_loop_that_were_skipped_or_failed_say_nothing() -> None:
    assert rounds({"results": [{"skipped": True}, {"failed": True}, {"a": 1}]}) == [{"a": 1}]


def test_findings_are_told_in_a_fixed_order(manifest: Manifest) -> None:
    seen = copy.deepcopy(SEEN)
    for name in PUT:
        if name not in {"gone", "no port", "back"}:
            PUT[name][0](seen)
    found = compare(manifest, seen)
    assert found == sorted(found, key=lambda one: (one.kind, one.name, one.what))
    assert len({Drifted.__hash__(one) for one in found}) == len(found)
    assert all(one.because for one in found)
    assert any(one.because.startswith(NOBODY) for one in found)
