"""Facts → a page (HTML), the same page on paper (PDF), Markdown, or JSON. Nothing is fetched from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ops.errors import OpsError
from ops.reports.phrases import Phrases
from ops.texts import Language, words

FORMATS = ("html", "pdf", "json", "md")
TEMPLATES = Path(__file__).parent / "templates"
_MARKED = r"\`*_{}[]<>|#~"


def render(facts: Mapping[str, Any], form: str, language: Language) -> bytes:
    """A document in one of FORMATS, as a file's bytes. `facts`: of ops.reports, with their `kind`."""
    if form == "json":
        return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if form == "md":
        return _text(facts, "md", language).encode()
    page = _text(facts, "html", language)
    return page.encode() if form == "html" else pdf(page)


def pdf(page: str) -> bytes:
    """That page on A4. OpsError when it asks for anything from outside."""
    from weasyprint import HTML  # type: ignore[import-untyped] # noqa: PLC0415 # 0.4 s that other formats do not need
    from weasyprint.urls import (  # type: ignore[import-untyped] # noqa: PLC0415
        FatalURLFetchingError,
        URLFetcher,
    )

    nobody = URLFetcher(allowed_protocols=(), fail_on_errors=True)
    try:
        made: bytes = HTML(string=page, url_fetcher=nobody).write_pdf()
    except FatalURLFetchingError as error:
        raise OpsError(f"a report may not fetch anything: {error}") from None
    return made


def _text(facts: Mapping[str, Any], form: str, language: Language) -> str:
    phrases = Phrases(words(language), str(facts.get("timezone", "UTC")))
    return _environment(form).get_template(f"{facts['kind']}.{form}.j2").render(r=facts, p=phrases, lang=language)


@cache
def _environment(form: str) -> Environment:
    if form == "html":
        made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        made.globals["css"] = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 # our own file
    else:  # autoescape is for HTML; whatever is printed in Markdown goes through `markdown`
        made = Environment(  # noqa: S701
            loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, finalize=_as_text, keep_trailing_newline=True
        )
        made.filters["md"] = markdown
    made.trim_blocks = made.lstrip_blocks = True
    return made


def _as_text(value: object) -> object:
    return value if value is not None else "–"


def markdown(text: object) -> str:
    """Any text as it is to be read, in a table too."""
    return "".join(f"\\{sign}" if sign in _MARKED else sign for sign in " ".join(str(text).split()))


def plain(text: object) -> str:
    """Any text as it may stand in HTML."""
    return str(escape(text))
