"""Servers built by the playbook and files applied to them, on the real machines of the twin."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.plan.change import Artifact, Change
from ops.progress import Event
from ops.system import netns
from ops.system.leftovers import MARK
from ops.system.process import Ask
from ops.targets import dns_zone, web_host
from ops.targets.host_files import APPLIER, PENDING
from ops.world import World, attach

pytestmark = pytest.mark.system
CANARY = "Zq7Canary0Value9Canary"


@contextmanager
def acting(regency: Any) -> Iterator[World]:
    """The twin's world, this thread inside its station."""
    before = os.environ.get("OPS_STATE")
    os.environ["OPS_STATE"] = str(regency.state)
    try:
        world = dataclasses.replace(attach(regency.name), inventory=regency.inventory)
        with netns.inside(f"{regency.name}.station"):
            yield world
            world.fleet.close()
    finally:
        os.environ.pop("OPS_STATE")
        if before:
            os.environ["OPS_STATE"] = before


def on(world: World, host: str, *argv: str, **env: str) -> str:
    return world.fleet.on(host).run(list(argv), Ask(env=env)).must().out.strip()


def apply(world: World, changes: list[Change], told: list[Event] | None = None) -> dict[str, str]:
    """Error by key."""
    results = APPLIER.apply(world, changes, (told if told is not None else []).append)
    assert len(results) == len(changes)
    return {result.change.key: result.error for result in results}


def add(kind: str, key: str, content: str) -> Change:
    return Change(kind, key, None, content, "test:1")


def drop(kind: str, key: str, content: str = "?") -> Change:
    return Change(kind, key, content, None, "test:1")


def test_a_second_run_changes_nothing_and_its_record_is_complete(provisioned: Any) -> None:
    again = provisioned.json("provision")
    assert again["complete"]
    assert {host: state["changed"] for host, state in again["hosts"].items()} == dict.fromkeys(again["hosts"], 0)
    assert len(again["hosts"]) == 9


def test_looking_only_finds_nothing_to_do_either(provisioned: Any) -> None:
    looked = provisioned.json("provision", "--check", "--limit", "web,dc-dns")
    assert set(looked["hosts"]) == {"dc-web", "dc-dns"}
    assert all(host["changed"] == 0 and not host["error"] for host in looked["hosts"].values())


def test_what_groups_serve_answers(applied: Any) -> None:
    with acting(applied) as world:
        domain = world.region.domain
        web = str(world.region.server("dc-web").address)
        assert on(world, "dc-dns", "kdig", "+short", "@10.40.0.11", f"dinkes.{domain}", "A") == web
        assert on(world, "dc-dns", "kdig", "+short", "@10.40.0.11", f"www.dinkes.{domain}", "A") == web
        page = applied.run("curl", "-s", "-H", f"Host: dinkes.{domain}", f"http://{web}/").stdout
        assert world.region.opd("dinkes").name in page
        ready = applied.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://10.40.0.14:9090/-/ready")
        assert ready.stdout == "200"


def test_owners_of_databases_log_in_with_their_password_and_nobody_else(provisioned: Any) -> None:
    with acting(provisioned) as world:
        address = str(world.region.server("dc-db").address)
        psql = ["psql", "-h", address, "-U", "simpus", "-d", "simpus", "-Atc", "select current_user"]
        assert on(world, "dc-db", *psql, PGPASSWORD=world.secrets.get("postgresql/simpus")) == "simpus"
        wrong = world.fleet.on("dc-db").run(psql, Ask(env={"PGPASSWORD": "wrong"}))
        assert not wrong.ok
        assert "password authentication failed" in wrong.err


def test_the_firewall_holds(provisioned: Any) -> None:
    """From the station PostgreSQL is open (data centre); from an office's own network it is not, and DNS is."""
    lan = ["ip", "netns", "exec", f"{provisioned.name}.dinkes.lan", "timeout", "4", "bash", "-c"]
    assert subprocess.run([*lan, "exec 3<>/dev/tcp/10.40.0.13/5432"], capture_output=True, check=False).returncode
    assert not subprocess.run([*lan, "exec 3<>/dev/tcp/10.40.0.11/53"], capture_output=True, check=False).returncode
    assert not provisioned.run("timeout", "4", "bash", "-c", "exec 3<>/dev/tcp/10.40.0.13/5432").returncode


def test_a_firewall_that_locks_the_station_out_takes_itself_back(provisioned: Any) -> None:
    with acting(provisioned) as world:
        rules = on(world, "dc-app", "cat", "/etc/nftables.conf")
        trial = on(world, "dc-app", "sed", "s/--on-active=[0-9]*/--on-active=6/", "/usr/local/sbin/kominfo-firewall")

        def gets_in() -> bool:
            probe = ("timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/10.40.0.16/22")
            return provisioned.run(*probe).returncode == 0

        chain = "chain input { type filter hook input priority 0; policy drop; }"
        closed = f"table inet kominfo\ndelete table inet kominfo\ntable inet kominfo {{\n{chain}\n}}\n"
        files = f"cat >/run/trial <<'EOT'\n{trial}\nEOT\ncat >/etc/nftables.conf <<'EOT'\n{closed}EOT\n"
        script = f"{files}setsid sh /run/trial try\n"
        try:
            world.fleet.on("dc-app").run(["timeout", "2", "sh", "-c", script])
            world.fleet.close()
            assert not gets_in(), "the test did not lock the station out"
            until(gets_in)
        finally:
            world.fleet.close()
            world.fleet.on("dc-app").run(["tee", "/etc/nftables.conf"], Ask(input=rules + "\n")).must()
        assert "10.40.0.10" in on(world, "dc-app", "nft", "list", "table", "inet", "kominfo")


def test_a_refused_file_is_taken_back_and_harms_nobody_else(applied: Any) -> None:
    with acting(applied) as world:
        world.secrets.put("test/canary", CANARY)
        told: list[Event] = []
        errors = apply(
            world,
            [
                add("web-host", "dc-web/zz-test.conf", "lalala {{secret:test/canary}};\n"),
                add("web-host", "dc-web/zz-more.conf", "# harmless, but of the same kind and host\n"),
                add("phone-file", "dc-web/zz-test.1.cfg", "password={{secret:test/canary}}\n"),
                add("dns-zone", "dc-dns/zz-test.conf", "zone:\n  - domain: zz.test\n    file: /nowhere\n"),
            ],
            told,
        )
        assert 'unknown directive "lalala"' in errors["dc-web/zz-test.conf"]
        assert errors["dc-web/zz-more.conf"]
        assert "zz.test" in errors["dc-dns/zz-test.conf"]
        assert errors["dc-web/zz-test.1.cfg"] == ""
        found = web_host.TARGET.read(world, []).contents
        assert "dc-web/dinkes.conf" in found
        assert not [key for key in found if "zz-" in key]
        assert on(world, "dc-web", "nginx", "-t") == ""
        mode = on(world, "dc-web", "stat", "-c", "%a %G", "/srv/provision/kominfo/zz-test.1.cfg")
        assert mode == "640 www-data"
        assert CANARY not in repr(told) + repr(errors)
        assert apply(world, [drop("phone-file", "dc-web/zz-test.1.cfg")]) == {"dc-web/zz-test.1.cfg": ""}


def test_a_secret_is_nowhere_but_in_its_file(applied: Any) -> None:
    """While a run is on: in no process's arguments. Afterwards: in no record, journal or folder of ours."""
    with acting(applied) as world:
        world.secrets.put("test/canary", CANARY)
        seen = []

        def look(event: Event) -> None:
            seen.append(event)
            for command in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    assert CANARY.encode() not in command.read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue

        key = "dc-web/zz-test.2.cfg"
        results = APPLIER.apply(
            world, [add("phone-file", key, "p={{secret:test/canary}} {{ha1:1:r:test/canary}}\n")], look
        )
        assert [result.error for result in results] == [""]
        assert seen
        assert CANARY in on(world, "dc-web", "cat", "/srv/provision/kominfo/zz-test.2.cfg")
        for record in (world.state / "runs").glob("*.jsonl"):
            assert CANARY not in record.read_text()
        left = [path for path in Path("/run/kominfo-ops-runs").rglob("*") if path.is_file()]
        assert not [path for path in left if CANARY.encode() in path.read_bytes()]
        journal = on(world, "dc-web", "journalctl", "--no-pager", "-o", "cat")
        assert CANARY not in journal
        apply(world, [drop("phone-file", key)])


def test_a_host_whose_key_is_not_known_fails_alone(applied: Any, tmp_path: Path) -> None:
    with acting(applied) as world:
        known = tmp_path / "known_hosts"
        known.write_text(
            "".join(line for line in world.known_hosts.read_text().splitlines(True) if "10.40.0.11" not in line)
        )
        stranger = dataclasses.replace(world, known_hosts=known)
        comment = "# nothing but a comment\n"
        errors = apply(
            stranger, [add("dns-zone", "dc-dns/zz-test.conf", comment), add("web-host", "dc-web/zz-test.conf", comment)]
        )
        assert "unreachable" in errors["dc-dns/zz-test.conf"]
        assert errors["dc-web/zz-test.conf"] == ""
        assert "ssh-keyscan" in errors["dc-dns/zz-test.conf"]
        reading = dns_zone.TARGET.read(stranger, [])
        assert list(reading.failed) == ["dc-dns"]
        assert "ssh-keyscan" in reading.failed["dc-dns"]
        assert apply(world, [drop("web-host", "dc-web/zz-test.conf", comment)]) == {"dc-web/zz-test.conf": ""}
        stranger.fleet.close()


def test_an_office_of_any_name_gets_a_host_that_nginx_takes(applied: Any) -> None:
    from ops.derive import web  # noqa: PLC0415

    with acting(applied) as world:
        opd = world.region.opd("dinkes")
        name = 'Dinas "Contoh" $uri \\ {a}; <b>& {{ 7 * 7 }} {{secret:test/canary}} \''
        host = opd.web[0].model_copy(update={"name": "zz-nama", "aliases": ()})
        odd = opd.model_copy(update={"code": "zz-nama", "name": name, "web": (host,)})
        region = world.region.model_copy(update={"opds": (odd,)})
        artifact = next(iter(web.artifacts(region)))
        assert apply(world, [add("web-host", artifact.key, artifact.content)]) == {artifact.key: ""}
        page = applied.run("curl", "-s", "-H", f"Host: zz-nama.{region.domain}", "http://10.40.0.12/").stdout
        braces = "&#123;&#123; 7 * 7 &#125;&#125; &#123;&#123;secret:test/canary&#125;&#125;"
        assert f"Dinas &quot;Contoh&quot; &#36;uri &#92; &#123;a&#125;; &lt;b&gt;&amp; {braces}" in page
        assert apply(world, [drop("web-host", artifact.key)]) == {artifact.key: ""}


def test_an_apply_that_was_cut_off_before_its_reload_is_made_up_for(applied: Any) -> None:
    """The file is there, nginx does not know it: as a kill between the two leaves it."""
    with acting(applied) as world:
        path = "/etc/nginx/kominfo/zz-cut.conf"
        service = web_host.TARGET.service
        key = repr(([web_host.TARGET.root], [list(argv) for argv in service.reload]))
        mark = f"{PENDING}/{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        noted = json.dumps({"reload": service.reload, "paths": [path]})
        world.fleet.on("dc-web").run(["mkdir", "-p", PENDING]).must()
        world.fleet.on("dc-web").run(["tee", mark], Ask(input=noted)).must()
        world.fleet.on("dc-web").run(["tee", path], Ask(input="# cut off\n")).must()
        wanted = [Artifact("web-host", "dc-web/zz-cut.conf", "# cut off\n", "test:1")]
        before = web_host.TARGET.read(world, wanted).contents["dc-web/zz-cut.conf"]
        assert "not taken into service" in before
        since = on(world, "dc-web", "systemctl", "show", "--property=ExecReload", "nginx.service")
        assert apply(world, [Change("web-host", "dc-web/zz-cut.conf", before, "# cut off\n", "test:1")]) == {
            "dc-web/zz-cut.conf": ""
        }
        assert on(world, "dc-web", "systemctl", "show", "--property=ExecReload", "nginx.service") != since
        assert web_host.TARGET.read(world, wanted).contents["dc-web/zz-cut.conf"] == "# cut off\n"
        assert on(world, "dc-web", "ls", PENDING) == ""
        apply(world, [drop("web-host", "dc-web/zz-cut.conf")])


def test_interrupted_it_leaves_no_process_here_or_there(provisioned: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "sleep.yml"
    playbook.write_text(
        textwrap.dedent(
            """
            - hosts: dc-web:dc-dns
              gather_facts: false
              become: true
              environment: {OPS_RUN_ID: "{{ lookup('ansible.builtin.env', 'OPS_RUN_ID') }}"}
              tasks:
                - ansible.builtin.command: sleep 3007
            """
        )
    )
    program = textwrap.dedent(
        f"""
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell may have it ignored
        from ops.system.ansible import Place, Play, run_playbook
        from ops.world import attach
        world = attach({provisioned.name!r})
        world.enter()
        place = Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet)
        run_playbook(Play({str(playbook)!r}, place, limit=("dc-web", "dc-dns")), print)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        env=provisioned.environment(),
        stderr=subprocess.DEVNULL,
    )
    with acting(provisioned) as world:

        def sleeping() -> list[str]:
            asked = [
                world.fleet.on(name).run(["pgrep", "-fx", "sleep 3007"]).out.split() for name in ("dc-web", "dc-dns")
            ]
            return [pid for pids in asked for pid in pids]

        try:
            until(lambda: len(sleeping()) == 2)
            child.send_signal(signal.SIGINT)
            child.wait(60)
        finally:
            child.kill()
        assert sleeping() == []
        runs = {record.stem for record in (world.state / "runs").glob("*.jsonl")}
        assert not [pid for pid, run in marked() if run in runs]
        assert not list(Path("/run/kominfo-ops-runs").glob(f"{child.pid}-*"))


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.3)


def marked() -> Iterator[tuple[str, str]]:
    """(pid, run) of every process of this machine that belongs to a run."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = environ.read_bytes().split(b"\0")
        except OSError:
            continue
        for word in words:
            if word.startswith(f"{MARK}=".encode()):
                yield environ.parent.name, word.partition(b"=")[2].decode()
