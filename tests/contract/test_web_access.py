"""Who may use which page: every route by every role, as web_access/<noun>.yml says. A new page needs a row there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from web_rig import Site, site

from ops.web.page import Page, Role

ROWS = Path(__file__).parent / "web_access"
ALL = [role.value for role in Role]
_REFUSED = 403
_ELSEWHERE = 303


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("web")) as made:
        yield made


def declared() -> dict[str, set[str]]:
    """`GET /jobs` → the roles that may use it. `staff` and `signed-in` stand for what they say."""
    groups = {
        "staff": {"operator", "approver", "auditor", "admin"},
        "signed-in": {"opd", "operator", "approver", "auditor", "admin"},
        "all": set(ALL),
    }
    found: dict[str, set[str]] = {}
    for path in sorted(ROWS.glob("*.yml")):
        for route, roles in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            found[route] = set().union(*(groups.get(role, {role}) for role in roles))
    return found


def key(page: Page) -> str:
    return f"{page.method} {page.path}"


def test_every_page_has_a_row_and_every_row_a_page(centre: Site) -> None:
    assert {key(page) for page in centre.pages} == set(declared())


def test_roles_are_as_the_rows_say(centre: Site) -> None:
    rows = declared()
    wrong = {}
    for page in centre.pages:
        roles = set(ALL) if Role.ANYONE in page.roles else {role.value for role in page.roles}
        if roles != rows[key(page)]:
            wrong[key(page)] = sorted(roles ^ rows[key(page)])
    assert wrong == {}


@pytest.mark.parametrize("role", list(Role))
def test_every_route_opens_for_those_and_for_nobody_else(centre: Site, role: Role) -> None:
    """By the real answers: 403, or sent to the login, for everybody whom the row does not name."""
    rows, browser, wrong = declared(), centre.as_role(role), []
    for page in sorted(centre.pages, key=lambda page: (page.method, page.path)):
        if page.quiet and role.value in rows[key(page)]:
            continue  # a stream without an end
        path = centre.path(page)
        if page.path == "/logout":
            continue  # it ends the very session that this is about
        answer = browser.get(path) if page.method == "GET" else browser.post(path)
        location = answer.headers.get("location", "")
        away = answer.status_code == _REFUSED or (
            answer.status_code == _ELSEWHERE and location.startswith("/login") and page.path != "/"
        )
        if away == (role.value in rows[key(page)]):
            wrong.append((key(page), answer.status_code, location))
        assert answer.status_code < 500, key(page)
    assert wrong == []
