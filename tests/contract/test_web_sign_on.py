"""Single sign-on against a small real provider: discovery, code flow with PKCE, signed answers, answers that lie."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from web_rig import INVENTORY, Browser, Site, site

from ops.web.accounts import users
from ops.web.accounts.users import User
from ops.web.page import Role

CLIENT, ISSUED = "command-centre", 3600


@dataclass
class Provider:
    """`claims`: what it says beyond what it must; whatever stands there overrides it."""

    url: str = ""
    secret: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signing: Any = None
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def about(self) -> dict[str, str]:
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": self.url, **{name: self.url + path for name, path in ends.items()}}

    def authorize(self, address: str) -> tuple[str, str]:
        """What the provider's own login page would do: state and code, as they come back with the browser."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code{len(self.asked)}"
        self.asked[code] = asked
        return asked["state"], code

    def token(self, form: dict[str, str], who: str) -> dict[str, str] | None:
        asked = self.asked.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if asked is None or asked["code_challenge"] != proof.decode() or who != f"{CLIENT}:{self.secret}":
            return None
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "subject-1", "aud": CLIENT, "iat": now, "exp": now + ISSUED,
            "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing or self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"keys": [made.key.as_dict(private=False)]}
            self._say(made.about() if self.path.startswith("/.well-known") else keys)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            who = base64.b64decode(self.headers.get("authorization", "Basic ").split()[-1] or b"").decode()
            self._say(made.token({name: values[0] for name, values in parse_qs(body).items()}, who))

        def _say(self, what: Any) -> None:
            self.send_response(200 if what else 400)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(what or {"error": "invalid_grant"}).encode())

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def centre(tmp_path: Path, provider: Provider) -> Iterator[Site]:
    inventory = tmp_path / "inventory"
    shutil.copytree(INVENTORY, inventory)
    with (inventory / "region.yml").open("a") as file:
        file.write(
            f"command_centre:\n  address: https://ops.test\n  sign_on:\n    issuer: {provider.url}\n"
            f"    client: {CLIENT}\n    name: SSO Kabupaten\n"
        )
    with site(tmp_path, inventory) as made:
        provider.secret = made.shared.world.secrets.get("web/oidc-secret")
        yield made


def user(centre: Site, role: Role, sso: str = "subject-1") -> None:
    users.add(centre.database, User("ani", "Ani", frozenset({role}), sso=sso), "", "test")


def come_back(browser: Browser, provider: Provider) -> Any:
    """Go to the provider, log in there, and come back."""
    assert "SSO Kabupaten" in browser.get("/login").text
    gone = browser.get("/login/sso?next=/jobs")
    assert gone.status_code == 303, gone.text
    state, code = provider.authorize(gone.headers["location"])
    return browser.get(f"/login/sso/back?state={state}&code={code}")


@pytest.mark.parametrize("claims", [{}, {"sub": "other", "email": "Ani@batubara.example", "email_verified": True}])
def test_whom_the_provider_knows_comes_in_with_the_roles_given_here(
    centre: Site, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = {**claims, "roles": ["admin"]}  # which is not for it to say
    user(centre, Role.AUDITOR, sso="ani@batubara.example" if claims else "subject-1")
    browser = centre.browser()
    assert come_back(browser, provider).headers["location"] == "/jobs"
    assert browser.get("/jobs").status_code == 200
    assert browser.get("/users").status_code == 403


@pytest.mark.parametrize(("amr", "there"), [(["pwd"], "/login/enrol?next=%2Fjobs"), (["pwd", "mfa"], "/jobs")])
def test_who_may_act_shows_a_second_factor_there_or_here(
    centre: Site, provider: Provider, amr: list[str], there: str
) -> None:
    provider.claims = {"amr": amr}
    user(centre, Role.OPERATOR)
    assert come_back(centre.browser(), provider).headers["location"] == there


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "another-client"}, {"iss": "https://another.test"}, {"nonce": "another"}, {"exp": 1}, {"sub": None},
        {"sub": "other", "email": "subject-1", "email_verified": False}, {"iat": 2**33},
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_that_is_not_for_us_lets_nobody_in(centre: Site, provider: Provider, lie: dict[str, Any]) -> None:
    provider.claims = lie
    user(centre, Role.AUDITOR)
    browser = centre.browser()
    answer = come_back(browser, provider)
    assert answer.status_code in {400, 502}
    assert browser.get("/jobs").status_code == 303


def test_a_foreign_signature_lets_nobody_in(centre: Site, provider: Provider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "one"})
    user(centre, Role.AUDITOR)
    assert come_back(centre.browser(), provider).status_code == 502


def test_an_answer_belongs_to_the_browser_that_asked_and_is_good_once(centre: Site, provider: Provider) -> None:
    user(centre, Role.AUDITOR)
    browser, other = centre.browser(), centre.browser()
    browser.get("/login")
    other.get("/login")
    state, code = provider.authorize(browser.get("/login/sso").headers["location"])
    assert other.get(f"/login/sso/back?state={state}&code={code}").status_code == 400
    assert browser.get(f"/login/sso/back?state={state}&code={code}").status_code == 400  # it was tried already


def test_a_provider_that_is_away_hinders_nobody_else(centre: Site, provider: Provider) -> None:
    provider.url = "http://127.0.0.1:9"
    answer = centre.browser().get("/login/sso")
    assert answer.status_code == 502
    assert centre.browser().get("/login").status_code == 200
