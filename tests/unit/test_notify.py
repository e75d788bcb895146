"""What the alert channels are told, and that they are told it once, in order, whatever is away in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from past_runs import ask, earlier, end, start, whole

from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.runs import approvals, notify, queue, retention
from ops.runs.alerts import standing
from ops.runs.model import RunState
from ops.runs.notify import Notifier
from ops.runs.tables import TABLES
from ops.system import http
from ops.system.database import Database, connect

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
SECRET = "kanari-9Zq7-rahasia"


class Receiver(BaseHTTPRequestHandler):
    """Alertmanager's door: keeps what is sent; answers with `server.status`."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept: Any = self.server
        if kept.status == 200:
            kept.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(kept.status)
        self.end_headers()
        self.wfile.write(f"status {kept.status} for {SECRET}".encode())

    def log_message(self, *_words: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = connect(f"sqlite://{tmp_path / 'jobs.sqlite'}")
    opened.create(TABLES)
    yield opened
    opened.close()


def standing_at(receiver: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    """What Alertmanager would show: alerts by their labels, those that have not ended."""
    found = {}
    for _, _, alerts in receiver.got:
        for one in alerts:
            found[tuple(sorted(f"{name}={value}" for name, value in one["labels"].items()))] = one
    return {labels: one for labels, one in found.items() if one["endsAt"] > one["startsAt"]}


def left(database: Database) -> list[dict[str, Any]]:
    with database.read() as tx:
        return tx.all("SELECT * FROM outbox WHERE sent IS NULL ORDER BY id")


def due_now(database: Database) -> None:
    """Let the time pass until the next try."""
    with database.write() as tx:
        tx.do("UPDATE outbox SET due = 0")


# ---- what is told


def test_a_failed_job_is_an_alert_until_it_goes_well_again(database: Database, receiver: Any) -> None:
    run = whole(database, "no space left")
    notifier = Notifier(database, receiver.url)
    assert notifier.turn() == 1
    ((path, kind, (alert,)),) = receiver.got
    assert (path, kind) == ("/api/v2/alerts", "application/json")
    assert alert["labels"] == {"alertname": "JobFailed", "kind": "backup", "opd": "dinkes", "severity": "warning"}
    assert alert["annotations"]["summary"] == "backup of dinkes failed: no space left"
    assert alert["annotations"]["ringkasan"] == "backup untuk dinkes gagal: no space left"
    assert run.id in alert["annotations"]["action"]
    begins, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    assert (ends - begins).days == 7
    assert begins.timestamp() == pytest.approx(run.ended, abs=0.01)
    whole(database)
    assert notifier.turn() == 1
    assert standing_at(receiver) == {}
    assert notifier.turn() == 0


def test_another_office_or_kind_that_goes_well_ends_nothing(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    whole(database, opds={"rsud": "ok"})
    whole(database, kind="drill")
    Notifier(database, receiver.url).turn()
    assert len(standing_at(receiver)) == 1


def test_a_held_run_asks_for_approval_until_it_is_decided(database: Database, receiver: Any) -> None:
    notifier = Notifier(database, receiver.url)
    for decide in (
        lambda run: approvals.approve(database, run, "budi"),
        lambda run: approvals.refuse(database, run, "budi"),
        lambda run: queue.cancel(database, run, "ani"),
    ):
        held = ask(database, hold="the gate")
        other = ask(database, "apply", hold="the gate")
        notifier.turn()
        shown = standing_at(receiver)
        assert len(shown) == 2
        assert {one["labels"]["run"] for one in shown.values()} == {held.id, other.id}
        said = next(one["annotations"] for one in shown.values() if one["labels"]["run"] == held.id)
        assert said["summary"] == "backup, asked for by ani, needs your approval: the gate"
        assert "persetujuan" in said["ringkasan"]
        assert f"ops jobs approve {held.id}" in said["action"]
        decide(held.id)
        queue.cancel(database, other.id, "ani")
        notifier.turn()
        assert standing_at(receiver) == {}


def test_cancelled_runs_and_those_tried_again_are_no_news(database: Database, receiver: Any) -> None:
    ask(database)
    queue.cancel(database, start(database).id, "ani")
    waiting = ask(database, "drill")
    queue.cancel(database, waiting.id, "ani")
    assert Notifier(database, receiver.url).turn() == 0


def test_no_secret_and_no_second_line_goes_out(database: Database, receiver: Any) -> None:
    ask(database, who=f"ani {SECRET}")
    end(database, start(database), f"password {SECRET}\nsecond \ud83d line")
    ask(database, who=SECRET, hold=f"because {SECRET}")
    notifier = Notifier(database, receiver.url, lambda text: text.replace(SECRET, "<secret>"))
    assert notifier.turn() == 2
    assert SECRET not in json.dumps(receiver.got)
    said = receiver.got[0][2][0]["annotations"]
    assert "<secret>\\nsecond" in said["summary"]
    assert said["who"] == "ani <secret>"


RESULTS = st.dictionaries(
    st.sampled_from(["dinkes", "rsud", "disdik"]), st.sampled_from(["", "ok", "changed", "skipped", "failed"])
)
WIDE = st.dictionaries(st.sampled_from(["dinkes", "rsud", "disdik"]), st.sampled_from(["", "ok", "failed"]), min_size=2)


@given(RESULTS)
def test_a_failed_run_is_always_told_and_only_of_whom_it_concerns(opds: dict[str, str]) -> None:
    told = standing(RunState.FAILED, opds)
    assert any(told.values())
    assert told.keys() <= {*opds, ""}
    assert all(told[opd] for opd, how in opds.items() if how == "failed")
    if len(opds) > 1:
        assert not any(told.get(opd) for opd, how in opds.items() if how != "failed")


@given(RESULTS, st.sampled_from([RunState.DONE, RunState.FAILED]))
def test_a_run_that_goes_well_ends_all_that_one_of_the_same_offices_began(opds: dict[str, str], before: str) -> None:
    began = {opd for opd, bad in standing(RunState(before), opds).items() if bad}
    well = standing(RunState.DONE, dict.fromkeys(opds, "ok"))
    assert began <= {opd for opd, bad in well.items() if not bad}


@given(WIDE)
def test_a_run_over_many_offices_that_named_those_which_failed_is_not_told_as_a_whole(opds: dict[str, str]) -> None:
    told = standing(RunState.FAILED, opds)
    assert told[""] == ("failed" not in opds.values())


# ---- that it is told


def test_what_cannot_be_sent_is_tried_again_later_and_in_order(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    whole(database)
    receiver.status = 503
    notifier = Notifier(database, receiver.url)
    assert notifier.turn() == 0
    first, second = left(database)
    assert (first["tries"], second["tries"]) == (1, 0)
    assert first["due"] > json.loads(first["body"])["at"] + 4
    receiver.status = 200
    assert notifier.turn() == 0, "the second would be told before the first, and the alert would stand for ever"
    due_now(database)
    assert Notifier(database, receiver.url).turn() == 2, "as after a restart"
    assert standing_at(receiver) == {}
    assert [len(alerts) for _, _, alerts in receiver.got] == [1, 1]


def test_it_waits_longer_each_time(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    receiver.status = 503
    waits = []
    for _ in range(9):
        due_now(database)
        Notifier(database, receiver.url).turn()
        with database.read() as tx:
            waits.append(left(database)[0]["due"] - tx.now())
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 320, 600, 600], abs=4)


def test_an_alertmanager_that_is_away_raises_nothing(database: Database) -> None:
    whole(database, "no space left")
    assert Notifier(database, "http://127.0.0.1:9").turn() == 0
    assert len(left(database)) == 1


def test_a_database_that_is_away_raises_nothing(tmp_path: Path, receiver: Any) -> None:
    assert Notifier(connect(f"sqlite://{tmp_path / 'none' / 'x.sqlite'}"), receiver.url).turn() == 0


def test_a_message_that_is_refused_does_not_hold_up_the_others(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    receiver.status = 400
    notifier = Notifier(database, receiver.url, lambda text: text.replace(SECRET, "<secret>"))
    notifier.turn()
    (row,) = left(database)
    assert row["lost"].endswith("HTTP 400: status 400 for <secret>")
    receiver.status = 200
    whole(database, opds={"rsud": "failed"}, error="x")
    assert notifier.turn() == 1
    assert [alert["labels"].get("opd") for _, _, alerts in receiver.got for alert in alerts] == ["rsud"]


def test_after_a_day_it_is_no_news(database: Database, receiver: Any) -> None:
    whole(earlier(database, 2), "no space left")
    receiver.status = 503
    Notifier(database, receiver.url).turn()
    assert "could not be sent for a day" in left(database)[0]["lost"]
    receiver.status = 200
    whole(earlier(database, 2), "no space left")
    assert Notifier(database, receiver.url).turn() == 1, "late, but Alertmanager has not been told"


def test_two_senders_never_send_the_same(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    notifier = Notifier(database, receiver.url)
    row = notifier._take()
    assert row is not None
    assert Notifier(database, receiver.url).turn() == 0
    assert notifier._send(row)
    due_now(database)
    assert Notifier(database, receiver.url).turn() == 0
    assert len(receiver.got) == 1


def test_a_sender_that_died_leaves_its_message_to_others(database: Database, receiver: Any) -> None:
    whole(database, "no space left")
    assert Notifier(database, receiver.url)._take() is not None
    due_now(database)
    assert Notifier(database, receiver.url).turn() == 1


def test_a_turn_sends_a_few_only(database: Database, receiver: Any) -> None:
    for _ in range(25):
        whole(database, "no space left")
    notifier = Notifier(database, receiver.url)
    assert [notifier.turn(), notifier.turn(), notifier.turn()] == [20, 5, 0]


def test_a_run_that_was_forgotten_meanwhile_is_no_news(database: Database, tmp_path: Path, receiver: Any) -> None:
    whole(earlier(database, 500), "no space left")
    notifier = Notifier(database, receiver.url)
    row = notifier._take()
    retention.forget(database, tmp_path / "artefacts", tmp_path / "run-logs", 400)
    assert row is not None
    assert notifier._send(row)
    assert receiver.got == []


def test_it_serves_until_it_is_told_to_stop(database: Database, receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "EVERY", 0.02)
    stop, told = threading.Event(), threading.Event()
    receiver.got = type("Got", (list,), {"append": lambda self, one: (list.append(self, one), told.set())})()
    thread = threading.Thread(target=Notifier(database, receiver.url).serve, args=(stop,))
    thread.start()
    try:
        whole(database, "no space left")
        assert told.wait(30)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_where_alertmanager_is() -> None:
    region = load(INVENTORY)
    assert notify.address(region) == "http://10.40.0.14:9093"
    bare = [server for server in region.servers if "monitoring" not in server.groups]
    assert notify.address(region.model_copy(update={"servers": tuple(bare)})) is None


def test_a_status_that_is_not_2xx_is_told_with_its_number(receiver: Any) -> None:
    receiver.status = 418
    with pytest.raises(http.HttpStatusError, match="HTTP 418: status 418") as error:
        http.post_json(receiver.url, [])
    assert error.value.status == 418
    with pytest.raises(HostFailedError, match="not an http address"):
        http.post_json("file:///etc/passwd", [])
