"""One visit of a page: who came, what was asked, and how to answer. The only thing that a handler gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ops.runs.foreground import Desk
from ops.texts import Words
from ops.web.accounts.devices import Device
from ops.web.accounts.sessions import Session
from ops.web.accounts.users import User
from ops.web.page import Page, Role
from ops.web.shared import Shared
from ops.world import World

T = TypeVar("T")
SEE_OTHER = 303


@dataclass
class Visit:
    """`user`: None for somebody without an account and for a wall device. `form`: what was posted, checked to be ours.

    `query`: the address's parameters, the last of each name. `theme`: auto, light or dark.
    """

    request: Request
    page: Page
    shared: Shared
    words: Words
    theme: str
    roles: frozenset[Role]
    session: Session | None = None
    user: User | None = None
    device: Device | None = None
    visitor: str = ""  # a random token of somebody without a session, for forms
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        """As it is declared now."""
        return self.shared.declared.now()

    @cached_property
    def desk(self) -> Desk:
        return replace(self.shared.desk, world=self.world)

    @cached_property
    def query(self) -> dict[str, str]:
        return {name: value.replace("\0", "") for name, value in self.request.query_params.items()}

    @property
    def zone(self) -> str:
        """The region's time zone."""
        return self.world.region.timezone

    @property
    def who(self) -> str:
        """The name that acts, for runs and the audit chain."""
        return self.user.name if self.user else f"device {self.device.name}" if self.device else "anyone"

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else "?"

    @property
    def partial(self) -> bool:
        """Whether htmx asks for a part of the page only."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    def path(self, name: str) -> str:
        """A part of the path: `{run}` in the page's path is `path("run")`."""
        return str(self.request.path_params[name]).replace("\0", "")

    def within(self, page: Page) -> bool:
        """Whether this is that page or one below it."""
        return self.request.url.path == page.path or self.page.path.startswith(f"{page.path}/")

    def posted(self, name: str, default: str = "") -> str:
        """One field of the form."""
        return (self.form.get(name) or (default,))[0]

    def may(self, *roles: Role) -> bool:
        """Whether the visitor has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def sees(self, opd: str) -> bool:
        """Whether the visitor may see that office; a wall device sees what the wall shows, all of them."""
        return self.user.sees(opd) if self.user else self.device is not None

    def keep(self, make: Callable[[World], T]) -> T:
        """What `make(world)` gives, made once for the whole application: pollers, caches. Its `close()` ends it."""
        return self.shared.keep(make)

    def render(self, template: str, status: int = 200, /, **values: object) -> Response:
        """A template of `ops/web/templates` as a page. It also knows `_`, `words`, `visit`, `user`, `zone`, `nav`."""
        return HTMLResponse(self.shared.rendering.text(template, self, **values), status)

    def fragment(self, template: str, /, **values: object) -> str:
        """A template as text: a part for htmx or a stream."""
        return self.shared.rendering.text(template, self, **values)

    def see(self, path: str) -> Response:
        """Send the browser to another page, e.g. after a form."""
        return RedirectResponse(path, SEE_OTHER)
