"""The monthly report of every office: Markdown in English and Indonesian, and the same as JSON.

Made of what this station keeps. A figure that is not kept, or not for that month, stands in the report as missing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from backup.evidence import span, span_id
from ops.errors import OpsError
from ops.jobs.report_facts import Facts, facts
from ops.jobs.report_records import Month, month_of, records
from ops.progress import Event, Progress, State, silent
from ops.world import World

STEP = "report"
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = {"en": span, "id": span_id}
_STATES = {"ok": State.OK, "bad": State.FAILED, "none": State.SKIPPED}


def report(
    world: World,
    month: str,
    drifts: Iterable[Mapping[str, Any]] = (),
    progress: Progress = silent,
    now: float | None = None,
) -> list[Path]:
    """Write `<state>/reports/<month>/<opd>.{en.md,id.md,json}` for every office; the files, sorted.

    `month` is as 2026-09, of the region's own time. `drifts` are summaries of `ops.jobs.drift` checks: the job's
    history holds them. UsageError for a month that is none or has not begun, OpsError when nothing can be written.
    """
    span_of = month_of(month, world.region.timezone, time.time() if now is None else now)
    kept = records(world, drifts)
    folder = world.state / "reports" / span_of.name
    made = []
    for opd in world.region.opds:
        found = facts(world, opd, span_of, kept)
        made += [_write(folder / f"{opd.code}.{name}", text) for name, text in _texts(found, span_of).items()]
        progress(Event(STEP, opd.code, _STATES[found["state"]], f"missing: {', '.join(found['missing']) or 'nothing'}"))
    return sorted(made)


def _texts(found: Facts, month: Month) -> dict[str, str]:
    texts = {f"{language}.md": render(found, month, language) for language in LANGUAGES}
    return texts | {"json": json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"}


def render(found: Facts, month: Month, language: str) -> str:
    """Pure: one office's report in one language."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 # 0.1 s

    # autoescape is for HTML; what comes from files and hosts goes through `md` in the templates
    env = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True)  # noqa: S701
    env.filters |= {"md": _markdown, "span": LANGUAGES[language], "time": partial(_time, month=month)}
    begin = datetime.fromtimestamp(month.begin, month.zone)
    return env.get_template(f"report.{language}.md.j2").render(r=found, month=begin.month, year=begin.year)


def _markdown(text: object) -> str:
    """Any text as it is to be read, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(str(text).split()))


def _time(at: float | None, month: Month) -> str:
    return "–" if at is None else f"{datetime.fromtimestamp(at, month.zone):%d-%m-%Y %H:%M %Z}"


def _write(path: Path, text: str) -> Path:
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror}") from None
    return path
