"""The door to a single sign-on: OpenID Connect's code flow with PKCE. Only what is signed is believed.

Authlib checks the answer; nothing here knows users.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ops.errors import OpsError

if TYPE_CHECKING:
    import httpx

_SECONDS = 10.0
_SCOPE = "openid email profile"
_LONGEST = 200  # of what is told about an error
_LEEWAY = 60  # seconds that two clocks may differ
_CODES = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "ES256",
    "ES384",
    "EdDSA",
]  # signatures only, never `none` or a shared key


class SignOnError(OpsError):
    """The single sign-on does not answer, or answered what cannot be believed."""

    next_step = "try again; an admin sees the reason in the log, and local accounts work without it"


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and what has to come back with it."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Provider:
    """`issuer`: its address · `client`, `secret`: how it knows us · `back`: where it sends browsers."""

    issuer: str
    client: str
    secret: str
    back: str

    def begin(self) -> Begun:
        """SignOnError when it does not answer."""
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # noqa: PLC0415

        state, nonce, verifier = (secrets.token_urlsafe(36) for _ in range(3))
        with _client() as client:
            about = _about(client, self.issuer)
        asked = {
            "response_type": "code", "client_id": self.client, "redirect_uri": self.back, "scope": _SCOPE,
            "state": state, "nonce": nonce, "code_challenge_method": "S256",
            "code_challenge": create_s256_code_challenge(verifier),
        }  # fmt: skip
        sign = "&" if "?" in about["authorization_endpoint"] else "?"
        return Begun(f"{about['authorization_endpoint']}{sign}{urlencode(asked)}", state, nonce, verifier)

    def claims(self, code: str, begun: Begun) -> Mapping[str, Any]:
        """What it says of the person, once all of it has been checked. SignOnError when anything is wrong with it."""
        from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        asked = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.back,
            "code_verifier": begun.verifier,
        }  # fmt: skip
        with _client() as client:
            about = _about(client, self.issuer)
            who = (quote(self.client, safe=""), quote(self.secret, safe=""))  # RFC 6749 section 2.3.1
            token = _json(client, "POST", about["token_endpoint"], data=asked, auth=who)
            keys = _json(client, "GET", about["jwks_uri"])
        try:
            return _checked(self, str(token["id_token"]), keys, begun)
        except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
            raise SignOnError(f"single sign-on: {type(error).__name__}: {error}"[:_LONGEST]) from None


def _client() -> httpx.Client:
    import httpx  # noqa: PLC0415

    return httpx.Client(timeout=_SECONDS, follow_redirects=False)


def _about(client: httpx.Client, issuer: str) -> Mapping[str, Any]:
    """The provider's own configuration, when it is the one of this issuer."""
    about = _json(client, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if str(about.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise SignOnError(f"single sign-on: it calls itself {about.get('issuer')!r}, not {issuer!r}"[:_LONGEST])
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(about.get(name), str):
            raise SignOnError(f"single sign-on: its configuration lacks {name}")
    return about


def _json(client: httpx.Client, method: str, address: str, **more: Any) -> dict[str, Any]:
    import httpx  # noqa: PLC0415

    try:
        answer = client.request(method, address, **more)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SignOnError(f"single sign-on: {address}: {error}"[:_LONGEST]) from None
    if not isinstance(found, dict):
        raise SignOnError(f"single sign-on: {address}: not what it should be"[:_LONGEST])
    return found


def _checked(provider: Provider, token: str, keys: dict[str, Any], begun: Begun) -> Mapping[str, Any]:
    """Signature, issuer, audience, times and nonce of an ID token (OpenID Connect Core 3.1.3.7)."""
    from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # noqa: PLC0415
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=_CODES)  # type: ignore[arg-type]
    options = {
        "iss": {"essential": True, "values": [provider.issuer, provider.issuer.rstrip("/")]},
        "aud": {"essential": True, "value": provider.client},
        "sub": {"essential": True},
    }
    claims = CodeIDToken(decoded.claims, decoded.header, options, {"nonce": begun.nonce, "client_id": provider.client})
    claims.validate(leeway=_LEEWAY)
    return dict(claims)
