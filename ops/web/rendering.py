"""Templates: Jinja with escaping always on and no undefined names; every template speaks the visitor's language."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ops.texts import LANGUAGES, NONE
from ops.web import assets, wording
from ops.web.accounts import tokens
from ops.web.page import Group, Page, Role

if TYPE_CHECKING:
    from ops.web.visit import Visit

TEMPLATES = Path(__file__).parent / "templates"


class Rendering:
    def __init__(self) -> None:
        self._env = _environment()

    def text(self, template: str, visit: Visit, **values: object) -> str:
        """Macros of another template know these names when it is imported `with context`."""
        words = visit.words
        given: dict[str, Any] = {
            "_": words.text, "words": words, "visit": visit, "user": visit.user, "zone": visit.zone,
            "theme": visit.theme, "nav": navigation(visit), "csrf": lambda: _proof(visit), "here": _here(visit),
            "region": visit.world.region, "job_name": partial(wording.job_name, words),
            "act_name": partial(wording.act, words),
        }  # fmt: skip
        return scrubbed(visit, self._env.get_template(template).render({**given, **values}))


@cache
def _environment() -> Environment:
    """Compiled templates, shared by all applications of a process: they hold nothing of any."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"asset": assets.url, "Role": Role, "NONE": NONE, "languages": LANGUAGES}
    made.filters["pretty"] = _pretty
    return made


def navigation(visit: Visit) -> list[tuple[Group, list[Page]]]:
    """The pages with a place in the navigation that the visitor may open, by group."""
    open_ = [(page.nav, page) for page in visit.shared.pages if page.nav and page.roles & visit.roles]
    open_.sort(key=lambda one: (one[0].order, one[1].path))
    found = [(group, [page for nav, page in open_ if nav.group is group]) for group in Group]
    return [(group, there) for group, there in found if there]


def _here(visit: Visit) -> Any:
    """The address of this page with some parameters changed; None takes one away."""

    path = visit.page.path
    readable = any(page.path == path and page.method == "GET" for page in visit.shared.pages)

    def here(**changed: object) -> str:
        query = {**visit.query, **changed}
        kept = {name: value for name, value in query.items() if value is not None and value != ""}
        return ("?" if readable else "/?") + urlencode(kept)

    return here


def scrubbed(visit: Visit, html: str) -> str:
    """A page without any secret's value, should a host have said one. Short ones are words that pages need."""
    for value, shown in visit.shared.hidden().items():
        if value in html:
            html = html.replace(value, shown)
    return html


def _proof(visit: Visit) -> str:
    """What a form must carry: `<input type="hidden" name="csrf" value="{{ csrf() }}">`."""
    return tokens.proof(visit.session.token if visit.session else visit.visitor)


def _pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
