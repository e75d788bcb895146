"""Where the command centre answers, and who vouches for its users (region.yml)."""

from __future__ import annotations

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import SecretName, Title

_URL = r"^(https://|http://(127\.|localhost\b))[^\s?#]*$"


class SignOn(Declared):
    """A single sign-on by OpenID Connect. Users and their roles stay here; it only says who somebody is."""

    issuer: str = Field(pattern=_URL, description="its address, as its own configuration names it")
    client: str = Field(min_length=1, description="the id under which it knows the command centre")
    name: Title = Field(default="SSO", description="as people call it")
    secret: SecretName = "web/oidc-secret"  # noqa: S105 # the name of a secret, not a secret


class CommandCentre(Declared):
    listen: str = Field(
        default="127.0.0.1:8080", pattern=r"^[0-9.]*:\d{1,5}$", description="where the pages are served, for nginx"
    )
    address: str = Field(default="", pattern=rf"{_URL}|^$", description="as browsers reach it, for the single sign-on")
    sign_on: SignOn | None = Field(default=None, description="a single sign-on by OpenID Connect")
