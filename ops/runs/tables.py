"""The tables of the job engine, the same on SQLite and on PostgreSQL. Times are seconds since the epoch."""

from __future__ import annotations

import os
from pathlib import Path

from ops.system.database import Database, connect

URL_VARIABLE = "OPS_JOBS_URL"
_FILE = "jobs.sqlite"

TABLES = (
    # state: held (a second person must agree) | waiting | running | done | failed | cancelled | refused
    # pin: the only executor that may take it (a command in the foreground) · tick: what a schedule may start only once
    # token: grows with every taking over; a writer with an older one is fenced off
    """CREATE TABLE IF NOT EXISTS run (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, version BIGINT NOT NULL, args TEXT NOT NULL, world TEXT NOT NULL,
        state TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, due DOUBLE PRECISION NOT NULL, priority BIGINT NOT NULL,
        started DOUBLE PRECISION, ended DOUBLE PRECISION, who TEXT NOT NULL, reason TEXT NOT NULL, plan TEXT NOT NULL,
        tick TEXT UNIQUE, pin TEXT, owner TEXT, token BIGINT NOT NULL, attempt BIGINT NOT NULL,
        attempts BIGINT NOT NULL, timeout DOUBLE PRECISION NOT NULL, result TEXT, error TEXT,
        cancel_by TEXT, retry_of TEXT, hold TEXT)""",
    "CREATE INDEX IF NOT EXISTS run_queue ON run (state, priority, due, id)",
    "CREATE INDEX IF NOT EXISTS run_owner ON run (owner)",
    "CREATE INDEX IF NOT EXISTS run_created ON run (created)",
    "CREATE INDEX IF NOT EXISTS run_ended ON run (ended)",
    # the locks a run needs, all or none; while it holds them they stand in `lock` too
    "CREATE TABLE IF NOT EXISTS want (run TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (name, run))",
    "CREATE INDEX IF NOT EXISTS want_run ON want (run)",
    "CREATE TABLE IF NOT EXISTS lock (name TEXT PRIMARY KEY, run TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS lock_run ON lock (run)",
    # whom a run concerns (type: opd | host), and how it went for each of them
    """CREATE TABLE IF NOT EXISTS subject (run TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
        state TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (type, name, run))""",
    "CREATE INDEX IF NOT EXISTS subject_run ON subject (run)",
    """CREATE TABLE IF NOT EXISTS step (run TEXT NOT NULL, name TEXT NOT NULL, number BIGINT NOT NULL,
        begun BIGINT NOT NULL, started DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION, output TEXT,
        PRIMARY KEY (run, name))""",
    """CREATE TABLE IF NOT EXISTS event (id {serial}, run TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
        step TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS event_run ON event (run, id)",
    # place: machine (since it was started) and folder of its files · knows: kinds of jobs and their versions, JSON
    """CREATE TABLE IF NOT EXISTS executor (id TEXT PRIMARY KEY, host TEXT NOT NULL, place TEXT NOT NULL,
        pid BIGINT NOT NULL, beat BIGINT NOT NULL, slots BIGINT NOT NULL, started DOUBLE PRECISION NOT NULL,
        seen DOUBLE PRECISION NOT NULL, knows TEXT NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS tick (schedule TEXT PRIMARY KEY, last DOUBLE PRECISION NOT NULL)",
    """CREATE TABLE IF NOT EXISTS approval (run TEXT NOT NULL, who TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
        verdict TEXT NOT NULL, comment TEXT NOT NULL, PRIMARY KEY (run, who))""",
    """CREATE TABLE IF NOT EXISTS audit (seq BIGINT PRIMARY KEY, at DOUBLE PRECISION NOT NULL, who TEXT NOT NULL,
        act TEXT NOT NULL, run TEXT NOT NULL, about TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS audit_run ON audit (run)",
    # what the alert channels are told · lost: why it never will be sent
    """CREATE TABLE IF NOT EXISTS outbox (id {serial}, run TEXT NOT NULL, body TEXT NOT NULL,
        due DOUBLE PRECISION NOT NULL, tries BIGINT NOT NULL, sent DOUBLE PRECISION, lost TEXT)""",
    "CREATE INDEX IF NOT EXISTS outbox_left ON outbox (id) WHERE sent IS NULL AND lost IS NULL",
    "CREATE INDEX IF NOT EXISTS outbox_run ON outbox (run)",
    # what databases of an earlier version lack
    "ALTER TABLE executor ADD COLUMN IF NOT EXISTS place TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE executor ADD COLUMN IF NOT EXISTS knows TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE outbox ADD COLUMN IF NOT EXISTS lost TEXT",
)


def open_database(state: Path) -> Database:
    """The job database of the world with this state folder: $OPS_JOBS_URL, else a file in it. Makes its tables."""
    database = connect(os.environ.get(URL_VARIABLE) or f"sqlite://{state.resolve() / _FILE}")
    database.create(TABLES)
    return database


def is_there(state: Path) -> bool:
    """Whether that world has a job database, for those who look at it without need of one."""
    return bool(os.environ.get(URL_VARIABLE)) or (state / _FILE).exists()
