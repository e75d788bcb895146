"""All locks of a run or none, first come first served: any order of events, several claimers, both databases."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.runs import audit, queue, waiting
from ops.runs.leases import Dead, Lease, Observer
from ops.runs.model import Job, Order, Run, RunState, Scope, Verdict
from ops.runs.steps import Steps, subject_result
from ops.runs.tables import TABLES
from ops.system.database import Database, DatabaseGoneError

NAMES = "abcdef"
WORKERS = ("one", "two", "three")
JOB = Job("job", "", lambda _run: Verdict({}), lambda _world, _args: Scope())
STRANGE = Job("job", "", lambda _run: Verdict({}), lambda _world, _args: Scope(), version=2)
URGENT = Job("job", "", lambda _run: Verdict({}), lambda _world, _args: Scope(), priority=1)
KNOWN = {"job": JOB}
CLEARED = ("run", "want", "lock", "subject", "step", "event", "audit", "outbox", "executor")


def ask(database: Database, locks: set[str] | str, job: Job = JOB, **order: Any) -> str:
    wanted = Order(**{"kind": "job", "args": {}, "who": "ani", **order})
    return queue.enqueue(database, job, wanted, {}, Scope(locks=tuple(locks))).id


def enrol(database: Database, folder: Path, *names: str) -> list[Lease]:
    found = [Lease(database, folder, name, 9) for name in names]
    for lease in found:
        lease.take()
    return found


def rows(database: Database, sql: str, *values: object) -> list[dict[str, Any]]:
    with database.read() as tx:
        return tx.all(sql, *values)


def held(database: Database) -> dict[str, str]:
    return {row["name"]: row["run"] for row in rows(database, "SELECT * FROM lock")}


@pytest.fixture
def workers(database: Database, tmp_path: Path) -> Iterator[Database]:
    """The database, with three executors that may claim."""
    enrol(database, tmp_path / "workers", *WORKERS)
    yield database
    assert audit.problems(database) == []


class Model:
    """What must hold, beside what the database does. `running` and `left`: run → its locks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.waiting: dict[str, set[str]] = {}
        self.strange: dict[str, set[str]] = {}
        self.running: dict[str, tuple[Run, set[str]]] = {}
        self.left: dict[str, set[str]] = {}  # with its locks, but without an owner
        self.rank: dict[str, tuple[int, int]] = {}  # run → how urgent, how old

    def ask(self, locks: set[str], job: Job = JOB) -> None:
        run = ask(self.database, locks, job)
        self.waiting[run], self.rank[run] = locks, (job.priority, len(self.rank))

    def ask_urgently(self, locks: set[str]) -> None:
        self.ask(locks, URGENT)

    def ask_strange(self, locks: set[str]) -> None:
        """A version that nobody knows."""
        self.strange[ask(self.database, locks, STRANGE)] = locks

    def claim(self, worker: str) -> None:
        run = queue.claim(self.database, worker, KNOWN)
        may = self.may_begin()
        assert (run.id if run else None) == (may[0] if may else None)
        if run:
            self.running[run.id] = (run, self.left.pop(run.id, None) or self.waiting.pop(run.id, set()))

    def may_begin(self) -> list[str]:
        """Runs in their order whose locks nobody else has, and that nobody before them waits for."""
        taken = set().union(*(locks for _, locks in self.running.values()), *self.left.values(), set())
        found, wanted = [], set()
        unfinished = {**self.waiting, **self.left}
        for run in sorted(unfinished, key=self.rank.__getitem__):
            locks = unfinished[run]
            if self.left.get(run) or not locks & (taken | wanted):
                found.append(run)
            wanted |= locks
        return found

    def some(self, which: int, among: dict[str, Any]) -> str | None:
        return sorted(among)[which % len(among)] if among else None

    def finish(self, which: int) -> None:
        if name := self.some(which, self.running):
            run, _ = self.running.pop(name)
            assert queue.finish(self.database, run, RunState.DONE, {}, None) is RunState.DONE

    def crash(self, which: int) -> None:
        if (name := self.some(which, self.running)) and not self.crashes(name):
            run, locks = self.running.pop(name)
            assert queue.crashed(self.database, run) is RunState.WAITING
            self.left[name] = locks

    def crashes(self, run: str) -> int:
        return len(rows(self.database, "SELECT 1 AS one FROM audit WHERE run = ? AND act = 'process died'", run))

    def cancel(self, which: int) -> None:
        if name := self.some(which, {**self.waiting, **self.left}):
            assert queue.cancel(self.database, name, "budi") is RunState.CANCELLED
            self.waiting.pop(name, None)
            self.left.pop(name, None)

    def bury(self, worker: str) -> None:
        (row,) = rows(self.database, "SELECT * FROM executor WHERE id = ?", worker)
        observer = Observer(self.database, Path("/nonexistent"), "nobody")
        assert observer.bury(Dead(worker, row["beat"] - 1, row["started"], here=False)) == 0  # it has beaten since
        observer.bury(Dead(worker, row["beat"], row["started"], here=False))
        for name, (run, locks) in list(self.running.items()):
            if run.owner == worker:
                del self.running[name]
                self.left[name] = locks
        assert queue.claim(self.database, worker, KNOWN) is None
        enrol(self.database, Path("/nonexistent"), worker)

    def check(self) -> None:
        wanted = {name: run for run, (_, locks) in self.running.items() for name in locks}
        wanted |= {name: run for run, locks in self.left.items() for name in locks}
        assert held(self.database) == wanted
        assert sum(len(locks) for _, locks in self.running.values()) + sum(map(len, self.left.values())) == len(wanted)

    def drain(self) -> None:
        for _ in range(1000):
            while self.may_begin():
                self.claim("one")
            if not self.running:
                break
            self.finish(0)
        assert not self.waiting
        assert not self.left
        assert held(self.database) == {}


LOCKS = st.sets(st.sampled_from(NAMES), max_size=4)
EVENTS = st.one_of(
    st.tuples(st.just("ask"), LOCKS),
    st.tuples(st.just("ask"), LOCKS),
    st.tuples(st.just("claim"), st.sampled_from(WORKERS)),
    st.tuples(st.just("claim"), st.sampled_from(WORKERS)),
    st.tuples(st.just("finish"), st.integers(0, 9)),
    st.tuples(st.just("crash"), st.integers(0, 9)),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("bury"), st.sampled_from(WORKERS)),
    st.tuples(st.just("ask_strange"), LOCKS),
    st.tuples(st.just("ask_urgently"), LOCKS),
)


def play(database: Database, events: list[tuple[str, Any]]) -> None:
    """One schedule, from empty to empty."""
    with database.write() as tx:
        for table in CLEARED:
            tx.do(f"DELETE FROM {table}")
    enrol(database, Path("/nonexistent"), *WORKERS)
    model = Model(database)
    for name, value in events:
        getattr(model, name)(value)
        model.check()
    model.drain()
    assert audit.problems(database) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=5, max_size=30))
def test_locks_are_all_or_none_and_first_come_first_served(database: Database, events: list[tuple[str, Any]]) -> None:
    play(database, events)


def at_once(count: int, work: Callable[[int], None]) -> None:
    """`work` in so many threads; what one of them raised."""
    raised: list[BaseException] = []

    def one(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            raised.append(error)
            raise

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []


def test_several_claimers_at_the_same_time_never_share_a_host(workers: Database) -> None:
    names = {ask(workers, {NAMES[n % 6], NAMES[(n * n + 1) % 6]}): n for n in range(40)}
    busy: Counter[str] = Counter()
    shared: list[str] = []
    ended: list[str] = []

    def work(number: int) -> None:
        while len(ended) < len(names):
            if (run := queue.claim(workers, WORKERS[number % 3], KNOWN)) is None:
                time.sleep(0.002)
                continue
            busy.update(run.locks)
            shared.extend(name for name in run.locks if busy[name] != 1)
            time.sleep(0.002)
            busy.subtract(run.locks)
            queue.finish(workers, run, RunState.DONE, {}, None)
            ended.append(run.id)

    at_once(4, work)
    assert shared == []
    assert sorted(ended) == sorted(names)
    assert held(workers) == {}


def test_a_run_for_many_hosts_is_not_starved_by_those_for_one(workers: Database) -> None:
    first = [ask(workers, name) for name in "ab"]
    running = [queue.claim(workers, "one", KNOWN) for _ in first]
    whole = ask(workers, "abcdef")
    later = [ask(workers, name) for name in "abcdef"]
    assert queue.claim(workers, "one", KNOWN) is None  # not even c: the run for all waits for it
    for run in running:
        assert run
        queue.finish(workers, run, RunState.DONE, {}, None)
    taken = queue.claim(workers, "one", KNOWN)
    assert taken
    assert taken.id == whole
    queue.finish(workers, taken, RunState.DONE, {}, None)
    begun = [queue.claim(workers, "one", KNOWN) for _ in later]
    assert {run.id for run in begun if run} == set(later)


def test_a_run_that_is_more_urgent_goes_first(workers: Database) -> None:
    ask(workers, "a")
    urgent = ask(workers, "a", URGENT)
    taken = queue.claim(workers, "one", KNOWN)
    assert taken
    assert taken.id == urgent


def test_who_goes_on_with_what_it_has_never_waits_for_those_who_wait_for_it(workers: Database) -> None:
    first = ask(workers, "a")
    for _ in range(2):  # the second time it is put off for a while, and is the youngest then
        run = queue.claim(workers, "one", KNOWN)
        assert run
        assert run.id == first
        queue.crashed(workers, run)
    ask(workers, "a", URGENT)
    ask(workers, "ab", due=time.time() - 60)
    with workers.write() as tx:
        tx.do("UPDATE run SET due = ? WHERE id = ?", tx.now(), first)
    run = queue.claim(workers, "one", KNOWN)
    assert run
    assert run.id == first


def test_a_tick_that_many_ask_for_at_once_is_one_run(workers: Database) -> None:
    found: list[str] = []
    at_once(4, lambda _: found.append(ask(workers, "a", tick="nightly@1")))
    assert len(set(found)) == 1
    assert len(rows(workers, "SELECT * FROM run")) == 1


def test_only_its_own_executor_takes_a_pinned_run_and_an_executor_may_take_no_other(workers: Database) -> None:
    pinned, free = ask(workers, "a", pin="two"), ask(workers, "b")
    other = queue.claim(workers, "one", KNOWN)
    assert other
    assert other.id == free
    ask(workers, "c")
    own = queue.claim(workers, "two", KNOWN, pinned_only=True)
    assert own
    assert own.id == pinned
    assert queue.claim(workers, "two", KNOWN, pinned_only=True) is None


def test_what_a_worker_that_lost_its_run_writes_is_refused(workers: Database, tmp_path: Path) -> None:
    steps = Steps(workers, tmp_path)
    ask(workers, "a")
    old = queue.claim(workers, "one", KNOWN)
    assert old
    steps.begin(old, "first")
    (row,) = rows(workers, "SELECT * FROM executor WHERE id = 'one'")
    Observer(workers, tmp_path, "two").bury(Dead("one", row["beat"], row["started"], here=False))
    new = queue.claim(workers, "two", KNOWN)
    assert new
    for write in (
        lambda: steps.begin(old, "second"),
        lambda: steps.end(old, "first", {}),
        lambda: subject_result(workers, old, [("host", "a", "ok", "")]),
        lambda: queue.crashed(workers, old),
        lambda: queue.postpone(workers, old, 0, ""),
        lambda: queue.finish(workers, old, RunState.DONE, {}, None),
    ):
        with pytest.raises(queue.FencedError):
            write()
    assert held(workers) == {"a": new.id}
    assert [row["name"] for row in steps.of(new.id)] == ["first"]
    queue.finish(workers, new, RunState.DONE, {}, None)


def test_a_lease_that_others_ended_is_lost_for_good(database: Database, tmp_path: Path) -> None:
    (lease,) = enrol(database, tmp_path, "one")
    lease.beat()
    assert lease.good
    (row,) = rows(database, "SELECT * FROM executor")
    Observer(database, tmp_path, "two").bury(Dead("one", row["beat"], row["started"], here=False))
    (other,) = enrol(database, tmp_path / "elsewhere", "one")  # somebody else has taken the name since
    lease.beat()
    assert not lease.good
    other.beat()
    assert other.good


def test_a_database_is_made_once_by_many_at_once(database_url: str) -> None:
    from ops.system.database import connect  # noqa: PLC0415

    def make(_: int) -> None:
        mine = connect(database_url)
        mine.create(TABLES)
        mine.close()

    at_once(4, make)


def test_why_a_run_waits_is_told(database: Database, tmp_path: Path) -> None:
    later = ask(database, "a", due=time.time() + 600)
    assert waiting.why(database, later)[0].startswith("it is due in ")
    first, second, third = ask(database, "a"), ask(database, "ab"), ask(database, "b")
    assert waiting.why(database, first) == ["no worker runs: ops serve"]
    (lease,) = enrol(database, tmp_path, "one")
    lease.knows = {"job": [1]}
    lease.take()
    assert waiting.why(database, first) == []
    taken = queue.claim(database, "one", KNOWN)
    assert taken
    assert waiting.why(database, second) == [f"a, held by job {first} of ani"]
    assert waiting.why(database, third) == [f"behind job {second} of ani, which waits for one of the same places"]
    assert waiting.why(database, ask(database, "c", pin="cli-1")) == ["its command, cli-1, is gone"]
    queue.finish(database, taken, RunState.DONE, {}, None)
    assert waiting.why(database, first) == []


def test_threads_that_end_leave_no_connection_behind(workers: Database) -> None:
    def look(_: int) -> None:
        rows(workers, "SELECT * FROM run")

    look(0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        at_once(3, look)
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 15


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_writer_that_hangs_lets_go_before_the_leases_of_the_others_run_out(database: Database) -> None:
    begun, hangs, done = threading.Event(), threading.Event(), threading.Event()
    said: list[type[BaseException]] = []

    def hang() -> None:
        try:
            with database.write() as tx:
                tx.now()
                begun.set()
                hangs.wait(60)
                tx.now()
        except DatabaseGoneError as error:
            said.append(type(error))
        done.set()

    threading.Thread(target=hang).start()
    assert begun.wait(60)
    at = time.monotonic()
    ask(database, "a")
    assert time.monotonic() - at < 60
    hangs.set()
    assert done.wait(60)
    assert said == [DatabaseGoneError]
