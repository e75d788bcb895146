"""What goes to Ansible as variables is data: nothing in it is ever run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ops.system.ansible_play import Place, Play, words
from ops.system.ssh import Fleet

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {content: "{{ one.content }}", dest: "{{ one.path }}", mode: "0600"}
      vars: {one: "{{ told[inventory_hostname].files[0] }}"}
"""
TYPED = "{{ lookup('pipe', 'echo run') }} {% raw %} {# gone #} {{secret:x}} {"


def test_braces_in_a_declared_name_reach_the_file_as_they_were_typed(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    file = {"path": str(tmp_path / "out"), "content": TYPED}
    place = Place(tmp_path, tmp_path, tmp_path / "key", tmp_path / "known", Fleet({}, tmp_path, tmp_path))
    play = Play("apply.yml", place, variables={"told": {"localhost": {"files": [file]}}})
    told = words(play, tmp_path)
    variables = told[told.index("--extra-vars") + 1]
    program = Path(sys.executable).parent / "ansible-playbook"
    own = ["-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", "-e", variables]
    done = subprocess.run([program, *own, tmp_path / "play.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out").read_text() == TYPED
