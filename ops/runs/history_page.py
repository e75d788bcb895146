"""What was done as Markdown, for a ticket or a letter: each run with who, why, how it went, and for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

MOST_EVENTS = 40  # lines of one run: its changes come first


def markdown(stories: Iterable[Mapping[str, Any]], zone: str) -> Iterator[str]:
    """Lines of text for stories as `ops.runs.history.story` gives them, newest first. `zone`: IANA name, for times."""
    found = list(stories)
    yield f"# {len(found)} run{'' if len(found) == 1 else 's'}"
    for one in found:
        yield from _run(one, ZoneInfo(zone))


def _run(one: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    yield f"\n## {_when(one['created'], zone)} · {one['kind']} · {one['state']}\n"
    yield f"- run `{one['id']}`, asked by {_plain(one['who'])}" + (
        f": {_plain(one['reason'])}" if one["reason"] else ""
    )
    if one["plan"]:
        yield f"- plan `{one['plan'][:16]}`"
    yield from (
        f"- {row['verdict']} by {_plain(row['who'])}" + (f": {_plain(row['comment'])}" if row["comment"] else "")
        for row in one["approvals"]
    )
    if one["started"] and one["ended"]:
        yield f"- took {one['ended'] - one['started']:.0f} s"
    if one["error"]:
        yield f"- **{_plain(one['error'].get('what', 'failed'))}**"
    yield from _table("office", one["opds"])
    yield from _table("host", one["hosts"])
    yield from _events(one["events"])


def _table(what: str, rows: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    if rows:
        yield f"\n| {what} | | |\n|---|---|---|"
        for name, row in rows.items():
            yield f"| {_plain(name)} | {_plain(row['state'])} | {_plain(row['text'])} |"


def _events(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What changed and what failed, on which host; the rest is counted."""
    told = list(events)
    worth = [row for row in told if row["state"] in {"changed", "failed"}]
    if not worth:
        return
    yield "\n| step | on | | |\n|---|---|---|---|"
    for row in worth[:MOST_EVENTS]:
        yield f"| {_plain(row['step'])} | {_plain(row['subject'])} | {row['state']} | {_plain(row['text'])} |"
    if len(worth) > MOST_EVENTS:
        yield f"\n… {len(worth) - MOST_EVENTS} more; `ops history --export` has them all"


def _when(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S %Z}"


def _plain(text: str) -> str:
    """Words that stay in their cell, and no markup that somebody else wrote."""
    line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in "|`*_<>[]#" else sign for sign in line)
