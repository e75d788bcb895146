"""Coming in, staying in, and being kept out: the login, the second factor, sessions, forms of other sites, guessing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from web_rig import Browser, Site, site

from ops.errors import UsageError
from ops.runs import audit
from ops.web.accounts import attempts, codes, devices, passwords, sealed, sessions, tokens, users
from ops.web.page import Role

PASSWORD = "kuda hijau makan roti"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def log_in(browser: Browser, name: str, password: str = PASSWORD, **more: Any) -> Any:
    """The answer; the browser has looked at the page that it leads to when that is a further step."""
    answer = browser.post("/login", {"name": name, "password": password, **more})
    if (there := answer.headers.get("location", "")).startswith("/login/"):
        browser.get(there)
    return answer


def acts(centre: Site) -> list[str]:
    return [row["act"] for row in audit.rows(centre.database)]


def test_passwords_are_kept_as_argon2id_of_the_low_memory_profile() -> None:
    kept = passwords.hashed(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(kept, PASSWORD)
    with pytest.raises(UsageError):
        passwords.hashed("short")


def test_who_may_not_act_comes_in_by_password_alone(centre: Site) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    browser = centre.browser()
    answer = log_in(browser, "ani", next="/jobs?state=failed")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?state=failed")
    assert browser.get("/jobs").status_code == 200
    assert acts(centre)[-1] == "logged in"
    browser.post("/logout")
    assert browser.get("/jobs").headers["location"].startswith("/login")
    assert acts(centre)[-1] == "logged out"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER, Role.ADMIN])
def test_who_may_act_needs_a_second_factor(centre: Site, role: Role) -> None:
    centre.user(role, name="budi", password=PASSWORD)
    browser = centre.browser()
    assert log_in(browser, "budi").headers["location"].startswith("/login/enrol")
    assert browser.get("/account").headers["location"] == "/login/enrol"  # a password alone opens nothing
    page = browser.get("/login/enrol")
    secret = page.text.split('<p class="secret">')[1].split("<")[0]
    assert browser.get("/login/enrol").text.split('<p class="secret">')[1].split("<")[0] == secret
    assert browser.post("/login/enrol", {"code": "000000"}).status_code == 401
    assert browser.post("/login/enrol", {"code": pyotp.TOTP(secret).now()}).headers["location"] == "/"
    assert browser.get("/account").status_code == 200

    again = centre.browser()
    assert log_in(again, "budi").headers["location"].startswith("/login/code")
    assert again.get("/account").headers["location"] == "/login/code"
    assert again.post("/login/code", {"code": pyotp.TOTP(secret).now()}).status_code == 401  # used before
    later = pyotp.TOTP(secret).at(time.time() + codes.STEP)
    assert again.post("/login/code", {"code": later}).headers["location"] == "/"
    assert again.get("/account").status_code == 200
    with centre.database.read() as tx:
        assert secret not in str(tx.all("SELECT * FROM web_user"))


def test_a_password_that_somebody_gave_must_be_replaced(centre: Site) -> None:
    admin = centre.signed_in(Role.ADMIN)
    page = admin.post("/users", {"name": "ani", "title": "Ani", "role": "auditor"})
    given = page.text.split('<p class="secret">')[1].split("<")[0]
    browser = centre.browser()
    assert log_in(browser, "ani", given).headers["location"].startswith("/login/password")
    assert browser.get("/jobs").headers["location"] == "/login/password"
    for new, again in ((given, given), (PASSWORD, "other than that"), ("short", "short")):
        assert browser.post("/login/password", {"password": new, "again": again}).status_code == 400
    assert browser.post("/login/password", {"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert browser.get("/jobs").status_code == 200
    assert log_in(centre.browser(), "ani", given).status_code == 401


def test_the_session_is_another_one_after_each_step(centre: Site) -> None:
    """A token that was planted or seen before the login is worth nothing after it."""
    centre.user(Role.OPERATOR, name="budi", password=PASSWORD)
    browser, planted = centre.browser(), tokens.fresh()
    browser.wear("session", planted)
    log_in(browser, "budi")
    half = browser.cookie("session")
    secret = browser.get("/login/enrol").text.split('<p class="secret">')[1].split("<")[0]
    browser.post("/login/enrol", {"code": pyotp.TOTP(secret).now()})
    assert len({planted, half, browser.cookie("session")}) == 3
    for old in (planted, half):
        thief = centre.browser()
        thief.wear("session", str(old))
        assert thief.get("/account").headers["location"].startswith("/login")


def test_only_the_hash_of_a_token_is_kept(centre: Site) -> None:
    browser = centre.signed_in(Role.AUDITOR)
    token = devices.add(centre.database, "wall", "test")
    with centre.database.read() as tx:
        kept = str([tx.all(f"SELECT * FROM {table}") for table in ("web_session", "web_device", "audit")])
    assert str(browser.cookie("session")) not in kept
    assert token not in kept


@pytest.mark.parametrize(("column", "age"), [("seen", sessions.IDLE + 1), ("created", sessions.LONGEST + 1)])
def test_sessions_end_by_themselves(centre: Site, column: str, age: float) -> None:
    browser = centre.signed_in(Role.AUDITOR)
    assert browser.get("/jobs").status_code == 200
    with centre.database.write() as tx:
        tx.do(f"UPDATE web_session SET {column} = {column} - ?", age)
    assert browser.get("/jobs").status_code == 303


def test_a_half_login_ends_sooner(centre: Site) -> None:
    centre.user(Role.OPERATOR, name="budi")
    session = sessions.begin(centre.database, "budi", "password", "192.0.2.7")
    assert sessions.find(centre.database, session.token)
    with centre.database.write() as tx:
        tx.do("UPDATE web_session SET created = created - 700")
    assert sessions.find(centre.database, session.token) is None


def test_disabling_and_resetting_end_every_session(centre: Site) -> None:
    browser = centre.signed_in(Role.AUDITOR, name="ani", password=PASSWORD)
    users.disable(centre.database, "ani", "test")
    assert browser.get("/jobs").status_code == 303
    assert log_in(centre.browser(), "ani").status_code == 401
    users.disable(centre.database, "ani", "test", disabled=False)
    browser = centre.signed_in(Role.AUDITOR, name="ani")
    users.reset(centre.database, "ani", PASSWORD + "2", "test")
    assert browser.get("/jobs").status_code == 303


def test_cookies_are_for_this_host_and_for_no_script(centre: Site) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    browser = centre.browser()
    answers = [browser.get("/login"), log_in(browser, "ani")]
    given = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert {line.partition("=")[0] for line in given} == {"__Host-visitor", "__Host-session"}
    for line in given:
        assert all(word in line for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
        assert "Domain" not in line


# ---- forms of other sites


def test_a_form_needs_the_proof_of_its_own_session(centre: Site) -> None:
    browser, other = centre.signed_in(Role.ADMIN), centre.signed_in(Role.ADMIN, name="other")
    own = browser.proof
    for wrong in ("", "x", other.proof, own[:-4] + "AAAA"):
        assert browser.post("/devices", {"name": "wall-x", "csrf": wrong}).status_code == 403
    assert devices.every(centre.database) == []
    assert browser.post("/devices", {"name": "wall-x", "csrf": own}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.test"},
        {"origin": "null"}, {"content-type": "text/plain"}, {"content-type": "application/json"},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_that_another_site_sends_is_refused(centre: Site, headers: dict[str, str]) -> None:
    browser = centre.signed_in(Role.ADMIN)
    assert browser.post("/devices", {"name": "wall-x"}, headers=headers).status_code == 403
    assert devices.every(centre.database) == []


def test_a_login_form_of_another_site_is_refused(centre: Site) -> None:
    """Else somebody could be logged in as somebody else without seeing it."""
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    browser = centre.browser()
    browser.proof = tokens.proof(tokens.fresh())
    assert log_in(browser, "ani").status_code == 403


@pytest.mark.parametrize(
    "there", ["//evil.test/", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/login"]
)
def test_nobody_is_sent_to_another_site(centre: Site, there: str) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    assert log_in(centre.browser(), "ani", next=there).headers["location"] == "/"


# ---- guessing


def test_guessing_an_account_is_shut_out_from_everywhere(centre: Site) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    centre.user(Role.AUDITOR, name="dewi", password=PASSWORD)
    most = attempts.MOST["account"]
    for number in range(most):
        assert log_in(centre.browser(f"192.0.2.{number}"), "ani", f"guess number {number}").status_code == 401
    answer = log_in(centre.browser("198.51.100.1"), "ani")  # even with the right one
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= attempts.WINDOW + 2
    assert acts(centre).count("login failed") == most
    assert log_in(centre.browser("198.51.100.1"), "dewi").status_code == 303  # others are not hindered
    with centre.database.write() as tx:
        tx.do("UPDATE web_attempt SET at = at - ?", attempts.WINDOW)
    assert log_in(centre.browser("198.51.100.1"), "ani").status_code == 303


def test_guessing_from_one_address_is_shut_out_whatever_the_name(centre: Site) -> None:
    browser = centre.browser("203.0.113.9")
    found = [log_in(browser, f"name{number}", "a wrong password").status_code for number in range(42)]
    assert found.count(401) == attempts.MOST["address"]
    assert set(found[attempts.MOST["address"] :]) == {429}


def test_the_password_wins_no_new_guesses_at_the_second_factor(centre: Site) -> None:
    centre.user(Role.OPERATOR, name="budi", password=PASSWORD)
    with centre.database.write() as tx:
        kept = sealed.seal(centre.shared.world.secrets, codes.invented())
        tx.do("UPDATE web_user SET code = ?", kept)
    guesses = 0
    for _ in range(30):
        browser = centre.browser()
        if log_in(browser, "budi").status_code == 429:
            break
        if browser.post("/login/code", {"code": "000000"}).status_code == 429:
            break
        guesses += 1
    assert guesses == attempts.MOST["account"]


def test_nobody_learns_whether_an_account_exists(centre: Site) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    here, not_here = log_in(centre.browser(), "ani", "no, not this"), log_in(centre.browser(), "anu", "no, not this")
    assert here.status_code == not_here.status_code == 401
    assert here.text.replace("ani", "anu").split("<form")[0] == not_here.text.split("<form")[0]


def test_the_chain_holds_after_all_this(centre: Site) -> None:
    centre.user(Role.AUDITOR, name="ani", password=PASSWORD)
    log_in(centre.browser(), "ani", "wrong it is indeed")
    log_in(centre.browser(), "ani")
    assert audit.problems(centre.database) == []


# ---- accounts


def test_an_admin_can_not_shut_everybody_out(centre: Site) -> None:
    admin = centre.signed_in(Role.ADMIN)
    assert admin.post("/users/admin", {"title": "Admin", "role": "auditor"}).status_code == 400
    with pytest.raises(UsageError, match="admin"):
        users.disable(centre.database, "admin", "test")


def test_a_device_reads_the_wall_until_it_is_taken_back(centre: Site) -> None:
    admin, screen = centre.signed_in(Role.ADMIN), centre.browser()
    token = admin.post("/devices", {"name": "aula"}).text.split('<p class="secret">')[1].split("<")[0]
    assert screen.post("/device", {"token": "guess"}).status_code == 401
    assert screen.post("/device", {"token": token}).headers["location"] == "/wall"
    assert screen.get("/").headers["location"] == "/wall"
    assert screen.get("/jobs").status_code == 403
    admin.get("/devices")
    admin.post("/devices/aula/revoke")
    assert screen.get("/").headers["location"] == "/login"
