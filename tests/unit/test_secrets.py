"""Secrets: made once, kept private, expanded only on the way out, and found again on the way in."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.system.secrets import Secrets, names_secret


def test_a_secret_is_made_once_and_kept_for_root_alone(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "secrets.yml").get("voip/20101")
    assert Secrets(tmp_path / "secrets.yml").get("voip/20101") == first
    assert first.isalnum()
    assert len(first) == 32
    assert (tmp_path / "secrets.yml").stat().st_mode & 0o777 == 0o600


def test_expand_and_collapse_are_each_others_inverse(tmp_path: Path) -> None:
    store = Secrets(tmp_path / "secrets.yml")
    wanted = "a={{secret:x}}\nb={{ha1:100:realm.example:x}}\nc=plain\n"
    clear = store.expand(wanted)
    assert store.get("x") in clear
    assert hashlib.md5(f"100:realm.example:{store.get('x')}".encode()).hexdigest() in clear
    assert store.collapse(clear, wanted) == wanted


def test_scrub_takes_values_out_of_foreign_text(tmp_path: Path) -> None:
    store = Secrets(tmp_path / "secrets.yml")
    assert store.scrub(f"login failed with {store.get('x')}") == "login failed with <secret x>"


def test_contents_that_name_secrets_are_known() -> None:
    assert names_secret("p={{secret:voip/1}}")
    assert not names_secret("{{ jinja }} and {plain}")


def test_a_secret_made_by_another_command_meanwhile_is_neither_lost_nor_made_anew(tmp_path: Path) -> None:
    plan, provision = Secrets(tmp_path / "secrets.yml"), Secrets(tmp_path / "secrets.yml")
    backup = provision.get("backup/dinkes/simpus")
    plan.make_all(["{{secret:backup/dinkes/simpus}} {{secret:voip/20101}}"])
    assert plan.get("backup/dinkes/simpus") == backup
    again = Secrets(tmp_path / "secrets.yml")
    assert again.get("backup/dinkes/simpus") == backup
    assert again.get("voip/20101") == plan.get("voip/20101")


def test_many_threads_that_ask_first_get_the_same_secret(tmp_path: Path) -> None:
    store = Secrets(tmp_path / "secrets.yml")
    with ThreadPoolExecutor(24) as pool:
        assert len(set(pool.map(lambda _: store.get("router/password"), range(200)))) == 1


@pytest.mark.parametrize("text", ["a: [canary", "canary", "a: {b: canary}"])
def test_a_file_that_a_person_broke_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.yml").write_text(text)
    with pytest.raises(OpsError, match=r"secrets\.yml") as raised:
        Secrets(tmp_path / "secrets.yml")
    assert "canary" not in str(raised.value)


def test_an_empty_value_hides_nothing(tmp_path: Path) -> None:
    store = Secrets(tmp_path / "secrets.yml")
    store.put("snmp/community", "")
    assert store.scrub("abc") == "abc"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("provision/001565000102", "SAME", "provision/001565000102 is the same as provision/001565000101"),
        ("provision/001565000102", "kurz", "provision/001565000102 is shorter than 20"),
        ("voip/20101", "a&b" * 10, "voip/20101 is shorter than 20 characters, or holds others"),
        ("phone/001565000101", "x" * 19, "phone/001565000101 is shorter than 20"),
    ],
)
def test_a_secret_that_was_edited_badly_stops_the_plan_and_is_not_shown(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    secrets = Secrets(tmp_path / "secrets.yml")
    wanted = [f"{{{{secret:{one}}}}}" for one in ("provision/001565000101", "provision/001565000102", name)]
    secrets.make_all(wanted)
    secrets.put(name, secrets.get("provision/001565000101") if value == "SAME" else value)
    with pytest.raises(OpsError) as error:
        Secrets(tmp_path / "secrets.yml").make_all(wanted)
    assert said in str(error.value)
    assert secrets.get(name) not in str(error.value) + error.value.next_step


def test_what_a_provider_chose_may_be_short(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.yml")
    secrets.put("trunk/telko", "p&w")
    secrets.make_all(["{{secret:trunk/telko}}"])
    assert secrets.get("trunk/telko") == "p&w"
