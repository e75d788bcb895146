"""Secrets: made once, kept private, expanded only on the way out, and found again on the way in."""

from __future__ import annotations

import hashlib
from pathlib import Path

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
