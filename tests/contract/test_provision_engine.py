"""The engine under playbooks: what its record holds, handlers that are owed, how runs end."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from provision_rig import LOCAL, Rig

from ops.system import ansible_runs
from ops.system.ansible import RunSummary
from ops.system.ansible_handlers import Ledger
from ops.system.ansible_record import changes
from ops.system.ansible_runs import Origin, RunEnd


def loses(folder: Path, fails: bool) -> dict[str, Any]:
    """A play that writes a file, then fails, and only then would run the handler."""
    return {
        "tasks": [
            {
                "name": "Config",
                "ansible.builtin.copy": {"content": "new", "dest": str(folder / "config"), "mode": "0600"},
                "notify": "Restart",
            },
            {"name": "Other", "ansible.builtin.command": "false" if fails else "true", "changed_when": False},
        ],
        "handlers": [
            {"name": "Restart", "ansible.builtin.shell": f"echo restarted >>{folder / 'log'}", "changed_when": True}
        ],
    }


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Without the playbooks' own `force_handlers`, which spares a host that fails, but not one that is killed."""
    monkeypatch.setenv("ANSIBLE_FORCE_HANDLERS", "False")
    return Rig(tmp_path)


def test_the_record_begins_with_what_the_run_is_and_ends_with_how_it_ended(rig: Rig) -> None:
    done = rig.run("- ansible.builtin.debug: {msg: hello}", job="j1", inputs="i1")
    assert done.complete
    first, *_, last = rig.lines(done)
    assert (first["run"], first["job"], first["inputs"], first["check"]) == (done.run, "j1", "i1", False)
    assert (last["end"], last["complete"]) == ("done", True)
    _without_its_end_it_is_interrupted(rig, done)
    broken = rig.run("- no.such.module: {}")
    assert broken.error
    assert rig.lines(broken)[-1]["end"] == "failed"


def test_a_check_tells_what_would_change_where_and_how(rig: Rig) -> None:
    file = rig.folder / "motd"
    file.write_text("one\ntwo\n")
    tasks = f"""
    - name: Greeting
      ansible.builtin.copy: {{content: "one\\nthree\\n", dest: "{file}", mode: "0644"}}
    """
    looked = rig.run(tasks, check=True, differences=True, key="k")
    (change,) = changes(looked.record)
    (difference,) = change["changes"]
    assert (change["task"], difference["path"].partition(":")[0]) == ("Greeting", str(file))
    assert difference["text"].splitlines() == ["@@ -1,2 +1,2 @@", " one", "-two", "+three"]
    assert file.read_text() == "one\ntwo\n"
    body = f"{file.read_text()}\0one\nthree\n"
    assert difference["digest"] == hmac.new(b"k", body.encode(), "sha256").hexdigest()


def test_a_handler_that_a_failed_run_lost_is_made_up_for(rig: Rig) -> None:
    """Run 1 writes the file and dies before its handler; plain Ansible's run 2 says ok=2 changed=0, and that is all."""
    playbook, log = str(rig.folder / "play.yml"), rig.folder / "log"
    assert rig.run(loses(rig.folder, fails=True)).failed
    assert (rig.folder / "config").read_text() == "new"
    assert not log.exists()
    assert Ledger(rig.state).of(playbook) == {"a": {"Restart": {"role": "", "play": "Test"}}}
    again = rig.run(loses(rig.folder, fails=False))
    assert log.read_text() == "restarted\n"
    assert again.complete
    assert Ledger(rig.state).of(playbook) == {}


def test_a_role_s_handlers_are_made_up_for_too(rig: Rig) -> None:
    role, log = rig.folder / "roles/web", rig.folder / "log"
    for part in ("tasks", "handlers", "defaults", "meta"):
        (role / part).mkdir(parents=True)
    (role / "defaults/main.yml").write_text("web_word: reloaded\n")
    (role / "meta/main.yml").write_text("dependencies: []\n")
    (role / "handlers/main.yml").write_text(
        json.dumps(
            [
                {"name": "Look", "ansible.builtin.command": "true", "changed_when": False, "listen": "Web is new"},
                {"name": "Go", "ansible.builtin.shell": f"echo {{{{ web_word }}}} >>{log}", "listen": "Web is new"},
            ]
        )
    )

    def tasks(fails: bool) -> None:
        found = [
            {
                "name": "Site",
                "ansible.builtin.copy": {"content": "x", "dest": str(rig.folder / "site"), "mode": "0600"},
                "notify": "Web is new",
            },
            {"name": "Fails", "ansible.builtin.fail": {}, "when": fails},
        ]
        (role / "tasks/main.yml").write_text(json.dumps(found))

    include = {"strategy": "free", "tasks": [{"ansible.builtin.include_role": {"name": "web"}}]}
    tasks(fails=True)
    assert rig.run(include).failed
    owed = Ledger(rig.state).of(str(rig.folder / "play.yml"))
    assert owed == {"a": {"Web is new": {"role": "web", "play": "Test"}}}
    tasks(fails=False)
    assert not rig.run(include).failed
    assert log.read_text() == "reloaded\n"
    assert Ledger(rig.state).of(str(rig.folder / "play.yml")) == {}


def test_a_loop_of_includes_counts_as_ansible_counts_it(rig: Rig) -> None:
    (rig.folder / "one.yml").write_text("- ansible.builtin.debug: {msg: hello}\n")
    rig.at = {"a": LOCAL, "b": LOCAL}
    done = rig.run(
        """
        - name: Parts
          ansible.builtin.include_tasks: {file: "{{ item }}.yml"}
          loop: "{{ ['one', 'one'] if inventory_hostname == 'a' else ['one', 'none', 'one', 'one'] }}"
          when: item != 'none'
        """
    )
    assert done.complete
    assert {name: host.ok for name, host in done.hosts.items()} == {"a": 4, "b": 6}


def test_what_only_looks_owes_nothing(rig: Rig) -> None:
    log = rig.folder / "log"
    rig.run(loses(rig.folder, fails=True), check=True)
    assert Ledger(rig.state).of(str(rig.folder / "play.yml")) == {}
    assert not log.exists()


def test_hosts_that_an_earlier_attempt_has_finished_are_known(rig: Rig) -> None:
    rig.at = {"a": LOCAL, "b": LOCAL}
    tasks = """
    - name: Half
      ansible.builtin.fail: {msg: not here}
      when: inventory_hostname == 'b'
    - name: All of it is done
      ansible.builtin.debug: {var: kominfo_verdict}
      vars: {kominfo_verdict: {finished: true}}
    """
    rig.run(tasks, job="j1", inputs="i1")
    playbook = str(rig.folder / "play.yml")
    assert ansible_runs.finished(rig.state, playbook, Origin("j1", "i1")) == {"a"}
    assert ansible_runs.finished(rig.state, playbook, Origin("j1", "other inputs")) == set()
    assert ansible_runs.finished(rig.state, playbook, Origin("j2", "i1")) == set()


def test_a_large_output_is_cut_and_its_digest_kept(rig: Rig) -> None:
    """Far beyond the 700,000 characters over which ansible-runner's own events lose the result."""
    size = 3_000_000
    done = rig.run(
        f"""
        - name: Talks
          ansible.builtin.shell: head -c {size} /dev/zero | tr '\\0' x
        - name: Talks and fails
          ansible.builtin.shell: head -c {size} /dev/zero | tr '\\0' y; exit 3
        """
    )
    digest = hashlib.sha256(b"x" * size).hexdigest()
    first, second = [line for line in rig.lines(done) if "output" in line]
    assert first["output"] == {"bytes": size, "sha256": digest}
    assert len(second["message"]) < 5000
    assert "cut: 3000008 characters in all" in second["message"]
    assert second["output"]["sha256"] == hashlib.sha256(b"y" * size).hexdigest()
    assert second["message"].startswith("exit 3: yyy")
    assert done.record.stat().st_size < 20_000
    assert done.complete


def _without_its_end_it_is_interrupted(rig: Rig, done: RunSummary) -> None:
    """Unless its process lives."""
    *lines, _end = done.record.read_text().splitlines(True)
    done.record.write_text("".join(lines))
    assert ansible_runs.settle(rig.state) == [], "this process lives"
    head = json.loads(lines[0])
    head["process"]["started"] = "1"
    done.record.write_text("".join([json.dumps(head) + "\n", *lines[1:]]))
    assert ansible_runs.settle(rig.state) == [done.run]
    assert [end["end"] for _, end in ansible_runs.runs(rig.state)] == [RunEnd.INTERRUPTED]
    assert ansible_runs.settle(rig.state) == []
