"""What became of a run, as alerts for Alertmanager (API v2). Pure.

`JobFailed` stands for a kind of job and an office, until that kind succeeds for that office again; `ApprovalNeeded`
for one held run, until somebody has decided. What begins an alert and what ends it has the same labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.errors import one_line
from ops.progress import State
from ops.runs.model import Run, RunState

FAILED_STANDS = 7 * 86400.0  # seconds that an alert stands unless it is ended: weekly jobs have run again by then
HELD_STANDS = 30 * 86400.0
_WIDE = ""  # the office of an alert that is about no single office
Alert = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be told of a run. `state`, `error`, `at`: as the run was then · `opds`: how it went for offices."""

    run: Run
    state: RunState
    error: str
    at: float
    opds: Mapping[str, str]


def alerts(told: Told, scrub: Callable[[str], str]) -> list[Alert]:
    """Alerts that begin and alerts that end with this. `scrub` takes secrets out of what people and errors say."""
    if told.state is RunState.HELD:
        return [_alert(_held_labels(told), _held_words(told, scrub), told.at, HELD_STANDS)]
    if told.state in (RunState.DONE, RunState.FAILED):
        return [
            _alert(_failed_labels(told, opd), _failed_words(told, opd, scrub), told.at, FAILED_STANDS if bad else 0)
            for opd, bad in sorted(standing(told.state, told.opds).items())
        ]
    return [_alert(_held_labels(told), _decided_words(told), told.at, 0)]


def standing(state: RunState, opds: Mapping[str, str]) -> dict[str, bool]:
    """For which offices the kind of job has failed now (True) or is well again (False); others stay as they were.

    A run over many offices that failed before any of them did is one alert about none of them.
    """
    done = state is RunState.DONE
    bad = [opd for opd, how in opds.items() if how == State.FAILED]
    found = {opd: False for opd, how in opds.items() if done or how in (State.OK, State.CHANGED)}
    found |= dict.fromkeys(bad, True)
    if len(opds) == 1:
        return found if done or bad else dict.fromkeys(opds, True)
    return {**found, _WIDE: not done and not bad}


def _alert(labels: Mapping[str, str], words: Mapping[str, str], at: float, stands: float) -> Alert:
    return {"labels": labels, "annotations": words, "startsAt": _time(at), "endsAt": _time(at + stands)}


def _failed_labels(told: Told, opd: str) -> dict[str, str]:
    labels = {"alertname": "JobFailed", "kind": told.run.kind, "severity": "warning"}
    return labels | {"opd": opd} if opd else labels


def _held_labels(told: Told) -> dict[str, str]:
    return {"alertname": "ApprovalNeeded", "kind": told.run.kind, "run": told.run.id, "severity": "info"}


def _failed_words(told: Told, opd: str, scrub: Callable[[str], str]) -> dict[str, str]:
    of, untuk = (f" of {opd}", f" untuk {opd}") if opd else ("", "")
    if not standing(told.state, told.opds)[opd]:
        return {"summary": f"{told.run.kind}{of} is well again", "ringkasan": f"{told.run.kind}{untuk} berhasil lagi"}
    error = one_line(scrub(told.error))
    return {
        "summary": f"{told.run.kind}{of} failed: {error}",
        "ringkasan": f"{told.run.kind}{untuk} gagal: {error}",
        "action": f"ops jobs show {told.run.id}",
        "who": one_line(scrub(told.run.who)),
    }


def _held_words(told: Told, scrub: Callable[[str], str]) -> dict[str, str]:
    who, why = one_line(scrub(told.run.who)), one_line(scrub(told.run.hold or ""))
    return {
        "summary": f"{told.run.kind}, asked for by {who}, needs your approval: {why}",
        "ringkasan": f"{told.run.kind}, diminta oleh {who}, menunggu persetujuan Anda: {why}",
        "action": f"ops jobs show {told.run.id}, then ops jobs approve {told.run.id} or ops jobs refuse {told.run.id}",
    }


def _decided_words(told: Told) -> dict[str, str]:
    words = {RunState.WAITING: ("approved", "disetujui"), RunState.REFUSED: ("refused", "ditolak")}
    english, indonesian = words.get(told.state, ("cancelled", "dibatalkan"))
    return {"summary": f"{told.run.kind} was {english}", "ringkasan": f"{told.run.kind} {indonesian}"}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
