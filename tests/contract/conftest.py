"""The job database in both of its forms: what holds for a file on one machine holds for a shared PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_rig import cluster, rig, sql
from drill_stage import clinic, documents, good, own, seen

from ops.runs.tables import TABLES
from ops.system.database import Database, connect

__all__ = ["clinic", "documents", "good", "own", "seen"]  # fixtures of the drills' tests


@pytest.fixture(scope="session")
def postgres_words() -> Iterator[tuple[str, ...]]:
    """One throw-away PostgreSQL for all tests; psql's words for it. Skips, with the reason, where there is none."""
    with rig() as made, cluster(made.folder) as words:
        yield words


@pytest.fixture(autouse=True)
def _cycles_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a cycle over all devices must wait for those that answer."""
    monkeypatch.setattr("exporters.cycle.DEADLINE_SECONDS", 60.0)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database of this test's own, for several processes too."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path / 'jobs.sqlite'}"
        return
    words: tuple[str, ...] = request.getfixturevalue("postgres_words")
    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    sql(words, "postgres", f"CREATE DATABASE {name}")
    try:
        yield f"postgresql://{words[3]}@/{name}?host={words[1]}"
    finally:
        sql(words, "postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, open, with the engine's tables."""
    opened = connect(database_url)
    opened.create(TABLES)
    try:
        yield opened
    finally:
        opened.close()
