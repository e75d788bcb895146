"""The command centre in a test: the real application over ASGI, and a browser that keeps cookies and fills in forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from ops.system.database import Database
from ops.web.accounts import devices, passwords, sessions, users
from ops.web.accounts.users import User
from ops.web.app import application
from ops.web.page import Page, Role
from ops.web.shared import Shared
from ops.world import World

HERE = Path(__file__).parent
INVENTORY = HERE / "contract/rules/base"
REGENCY = HERE.parent / "inventories/batubara"
ORIGIN = "https://ops.test"
_PROOF = re.compile(r'name="csrf" value="([^"]*)"')
CANARY = "canary-8WgkQ2pTzL5nVx4RbY7d"


@dataclass
class Browser:
    """`get`, `post`: one answer, redirections not followed. A form's proof is taken from the page seen last."""

    loop: asyncio.AbstractEventLoop
    client: httpx.AsyncClient
    proof: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._kept(self._send("GET", path, **more))

    def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        if not self.proof:
            self.get("/login")
        data = {"csrf": self.proof, **(fields or {})}
        return self._kept(self._send("POST", path, data=data, **more))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.has_redirect_location:
            answer = self.get(answer.headers["location"])
        return answer

    def cookie(self, name: str) -> str | None:
        return self.client.cookies.get(f"__Host-{name}")

    def wear(self, name: str, value: str) -> None:
        self.client.cookies.set(f"__Host-{name}", value, domain="ops.test", path="/")

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.loop.run_until_complete(self.client.request(method, path, headers=headers, **more))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        if found := _PROOF.search(answer.text):
            self.proof = unescape(found[1])
        return answer


@dataclass
class Site:
    """An application of its own with its database."""

    shared: Shared
    app: Any
    loop: asyncio.AbstractEventLoop
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.shared.desk.database

    @property
    def pages(self) -> tuple[Page, ...]:
        return self.shared.pages

    def browser(self, address: str = "192.0.2.7") -> Browser:
        transport = httpx.ASGITransport(app=self.app, client=(address, 4711), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        self.browsers.append(client)
        return Browser(self.loop, client)

    def user(self, *roles: Role, name: str = "", opds: tuple[str, ...] = (), password: str = "") -> User:
        """A user with these roles; made when there is none of that name."""
        name = name or "-".join(sorted(roles))
        found = [one for one in users.every(self.database) if one.name == name]
        wanted = User(name, name.title(), frozenset(roles), frozenset(opds))
        if Role.OPD in roles and not opds:
            wanted = replace(wanted, opds=frozenset({self.shared.world.region.opds[0].code}))
        return found[0] if found else users.add(self.database, wanted, password, "test")

    def signed_in(self, *roles: Role, **who: Any) -> Browser:
        """A browser of somebody who is all the way in."""
        user, browser = self.user(*roles, **who), self.browser()
        session = sessions.begin(self.database, user.name, "full", "192.0.2.7")
        browser.wear("session", session.token)
        browser.get("/account")
        return browser

    def as_role(self, role: Role) -> Browser:
        """A browser of somebody who has that role alone."""
        if role is Role.ANYONE:
            return self.browser()
        if role is not Role.WALL:
            return self.signed_in(role)
        known = {one.name for one in devices.every(self.database)}
        browser = self.browser()
        browser.wear("device", devices.add(self.database, f"wall-{len(known)}", "test"))
        return browser

    def path(self, page: Page) -> str:
        """An address of a page, its parts filled in with what is declared where the name says what it is."""
        region = self.shared.world.region
        known = {"opd": region.opds[0].code, "code": region.opds[0].code, "run": "nobody", "name": "nobody"}
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "nothing"), page.path)


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """As little work as argon2 allows: how slow it is, is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@contextmanager
def site(folder: Path, inventory: Path = INVENTORY) -> Iterator[Site]:
    """The application over an empty database, and a secret that no page may show."""
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state"
    world = World("test", inventory, state, folder / "key", folder / "known_hosts")
    world.secrets.put("router/password", CANARY)
    app, loop = application(world), asyncio.new_event_loop()
    made = Site(app.state.shared, app, loop)
    try:
        with cheap_passwords():
            yield made
    finally:
        for client in made.browsers:
            loop.run_until_complete(client.aclose())
        made.shared.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
