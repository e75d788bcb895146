"""Lines of JSON between two processes: however they are split, torn or delayed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError
from ops.system import leftovers, marked
from ops.system.nursery import Child, Nursery
from ops.system.wire import Wire

LONG = 30.0
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(st.dictionaries(st.text(min_size=1, max_size=5), JSON, min_size=1, max_size=3), max_size=5)


def read_all(wire: Wire) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while (some := wire.read(LONG)) is not None:
        found += some
    return found


@given(messages=MESSAGES, parts=st.lists(st.floats(0, 1), max_size=8))
def test_any_messages_arrive_whole_however_their_bytes_are_split(
    messages: list[dict[str, Any]], parts: list[float]
) -> None:
    out, far = Wire.pair()
    for message in messages:
        assert out.send(message)
    out.close()
    with far:
        sent = b"".join(iter(lambda: far.recv(1 << 20), b""))
    near, theirs = Wire.pair()
    cuts = sorted(int(part * len(sent)) for part in parts)
    found: list[dict[str, Any]] = []
    with theirs:
        for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            theirs.sendall(sent[begin:end])
            found += near.read(0) or []
    found += read_all(near)
    near.close()
    assert found == messages


@given(torn=st.binary(max_size=40), messages=MESSAGES.filter(bool))
def test_a_line_that_is_no_message_does_no_harm_to_the_next(torn: bytes, messages: list[dict[str, Any]]) -> None:
    near, far = Wire.pair()
    rest = Wire(far)
    far.sendall(torn.replace(b"{", b"[") + b"\n")
    for message in messages:
        rest.send(message)
    rest.close()
    assert read_all(near) == messages
    near.close()


def test_after_a_signal_tore_a_line_off_the_next_one_is_whole() -> None:
    near, far = Wire.pair()
    other = Wire(far)

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGUSR1, interrupt)
    me = threading.get_ident()
    threading.Timer(0.3, lambda: signal.pthread_kill(me, signal.SIGUSR1)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            near.send({"long": "x" * 5_000_000})  # more than fits until somebody reads
    finally:
        signal.signal(signal.SIGUSR1, usual)
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(other)))
    reader.start()
    assert near.send({"next": 1})
    near.close()
    reader.join(LONG)
    other.close()
    assert found == [{"next": 1}]


def test_many_threads_may_send_and_large_messages_arrive() -> None:
    near, far = Wire.pair()
    other = Wire(far)
    wanted = [{"n": number, "x": "y" * 300_000} for number in range(8)]
    threads = [threading.Thread(target=near.send, args=(message,)) for message in wanted]
    for thread in threads:
        thread.start()
    found: list[dict[str, Any]] = []
    end = time.monotonic() + LONG
    while len(found) < len(wanted) and time.monotonic() < end:
        found += other.read(1.0) or []
    for thread in threads:
        thread.join()
    near.close()
    other.close()
    assert sorted(found, key=lambda message: message["n"]) == wanted


def test_who_is_gone_is_noticed() -> None:
    near, far = Wire.pair()
    assert near.read(0) == []
    far.close()
    assert near.read(LONG) is None
    assert not near.send({"a": 1})
    near.close()
    assert not near.send({"a": 1})


SCHOOL = '''
"""What a nursery in these tests does: children say who they are, and what they are asked to."""
import os, subprocess, sys, time
from ops.system.nursery import serve

loaded = []

def work(wire):
    print("hello log", flush=True)
    wire.send({"pid": os.getpid(), "loaded": loaded, "mark": os.environ["OPS_RUN_ID"], "session": os.getsid(0)})
    while (messages := wire.read(60)) is not None:
        for message in messages:
            if "exit" in message:
                return message["exit"]
            if "start" in message:
                subprocess.Popen(["sleep", "600"])
                wire.send({"started": True})
    return 9

if __name__ == "__main__":
    sys.exit(serve(int(sys.argv[1]), loaded.extend, work))
'''


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "school.py").write_text(SCHOOL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    nursery = Nursery("school", ["a", "b"])
    yield nursery
    nursery.close()


def first_word(wire: Wire) -> dict[str, Any]:
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        if messages := wire.read(1.0):
            return messages[0]
    raise AssertionError("it says nothing")


def close(wire: Wire, child: Child) -> None:
    wire.close()
    assert child.ended(LONG)
    child.close()


def test_a_child_is_a_process_of_its_own_with_its_own_mark_and_log(school: Nursery, tmp_path: Path) -> None:
    children = [school.child(f"run{number}/run{number}.1", tmp_path / f"{number}.log") for number in (1, 2)]
    for number, (wire, child) in enumerate(children, start=1):
        said = first_word(wire)
        assert said == {
            "pid": child.pid, "loaded": ["a", "b"], "mark": f"run{number}/run{number}.1", "session": child.pid,
        }  # fmt: skip
        assert (tmp_path / f"{number}.log").read_text() == "hello log\n"
        assert (tmp_path / f"{number}.log").stat().st_mode & 0o777 == 0o600
    (wire, child), (other, second) = children
    assert leftovers.end_here("run1.1") == 1  # others find it by its mark, and only it
    assert child.ended(LONG)
    assert not second.ended(0)
    close(wire, child)
    close(other, second)


def test_what_a_child_starts_bears_its_mark_and_does_not_hold_its_wire(school: Nursery, tmp_path: Path) -> None:
    wire, child = school.child("run3/run3.1", tmp_path / "log")
    first_word(wire)
    wire.send({"start": True})
    first_word(wire)
    child.kill()
    assert wire.read(LONG) is None
    assert leftovers.end_here("run3") == 1
    close(wire, child)


def test_a_nursery_that_was_killed_is_replaced_and_its_children_live(school: Nursery, tmp_path: Path) -> None:
    wire, child = school.child("run4", tmp_path / "log")
    first_word(wire)
    os.kill(parent(child.pid), signal.SIGKILL)
    other, second = school.child("run5", tmp_path / "log")
    first_word(other)
    assert not child.ended(0)
    close(wire, child)
    close(other, second)


def test_a_nursery_ends_with_the_process_that_started_it(tmp_path: Path, school: Nursery) -> None:
    starter = "\n".join((  # noqa: FLY002
        "import sys, time; from pathlib import Path; from ops.system.nursery import Nursery",
        "nursery = Nursery('school', []); wire, child = nursery.child('run6', Path(sys.argv[1]))",
        "print(child.pid, flush=True); time.sleep(600)",
    ))  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", starter, str(tmp_path / "log")], stdout=subprocess.PIPE) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        nursery = parent(child)
        process.kill()
    end = time.monotonic() + LONG
    while (marked.started(nursery) or marked.started(child)) and time.monotonic() < end:
        time.sleep(0.02)
    assert (marked.started(nursery), marked.started(child)) == ("", "")


def test_a_nursery_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="no process for the run could be started"):
        Nursery("no_such_module_at_all", []).child("run7", tmp_path / "log")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_wire_is_not_inherited() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        descriptor = theirs.detach()
        os.set_inheritable(descriptor, True)
        wire = Wire.inherited(descriptor)
        assert not os.get_inheritable(descriptor)
        wire.close()
