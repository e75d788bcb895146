"""The monthly report of every office: Markdown in English and Indonesian, and the same as JSON.

Made of what this station keeps. A figure that is not kept, or not for that month, stands in the report as missing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backup.evidence import span, span_id
from ops.errors import OpsError
from ops.jobs.report_facts import Facts, facts
from ops.jobs.report_records import Month, month_of, records
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World

STEP = "report"
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = {"en": span, "id": span_id}
_STATES = {"ok": State.OK, "bad": State.FAILED, "none": State.SKIPPED}


def _scope(world: World, _args: Args) -> Scope:
    return Scope(tuple(opd.code for opd in world.region.opds), (), ("reports",))


@job("report", "write every office's monthly report", scope=_scope, takes=("month",), timeout=HOURS, priority=8)
def REPORT(run: Inside) -> Verdict:
    """Of `month`, by default the one before this one."""
    month = str(run.args.get("month") or _month_before(run.world.region.timezone))
    begins = month_of(month, run.world.region.timezone, time.time()).begin
    drifts = [one for one in run.results("drift", begins) if "at" in one]
    return Verdict({"month": month, "files": [str(path) for path in report(run.world, month, drifts, run.progress)]})


def _month_before(timezone: str) -> str:
    first = datetime.now(ZoneInfo(timezone)).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


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
    asked = month_of(month, world.region.timezone, time.time() if now is None else now)
    kept, pages = records(world, drifts), {language: page(language, asked) for language in LANGUAGES}
    folder = world.state / "reports" / asked.name
    made = []
    for opd in world.region.opds:
        found = facts(world, opd, asked, kept)
        texts = {f"{language}.md": render(found) for language, render in pages.items()}
        texts["json"] = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        made += [_write(folder / f"{opd.code}.{name}", text) for name, text in texts.items()]
        progress(Event(STEP, opd.code, _STATES[found["state"]], f"missing: {', '.join(found['missing']) or 'nothing'}"))
    return sorted(made)


def page(language: str, month: Month) -> Callable[[Facts], str]:
    """What writes one office's facts down in one language. Pure."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 # 0.1 s

    # autoescape is for HTML; what comes from files and hosts goes through `md` in the templates
    env = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True)  # noqa: S701
    env.filters |= {"md": _markdown, "span": LANGUAGES[language], "time": partial(_time, month=month)}
    begin = datetime.fromtimestamp(month.begin, month.zone)
    template = env.get_template(f"report.{language}.md.j2")
    return lambda found: template.render(r=found, month=begin.month, year=begin.year)


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
