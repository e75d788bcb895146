"""What comes from others is exactly what the manifest says, and nothing is fetched from anywhere else."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

from ops.web import assets
from ops.web.rendering import TEMPLATES

VENDOR = assets.FOLDER / "vendor"
MANIFEST = json.loads((VENDOR / "MANIFEST.json").read_text(encoding="utf-8"))
MOST_BYTES = 150_000  # of a page's scripts and styles together, packed


def test_files_of_others_are_as_they_were_fetched() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.*s")}
    assert found == {name: one["sha256"] for name, one in MANIFEST.items()}
    for one in MANIFEST.values():
        assert one["licence"] in {"0BSD", "MIT"}
        assert list(VENDOR.glob(f"{one['name'].removesuffix('.org')}.LICENSE.txt")), one["name"]


def test_addresses_carry_the_content() -> None:
    for one in assets.assets().values():
        assert one.digest == hashlib.sha256(one.body).hexdigest()[: len(one.digest)]
        assert one.packed is None or gzip.decompress(one.packed) == one.body
    assert sum(len(one.packed or one.body) for one in assets.assets().values()) < MOST_BYTES


def test_templates_hold_no_script_no_style_and_no_foreign_address() -> None:
    """Which the policy would refuse to run anyway."""
    wrong = re.compile(
        r"\sstyle=|\son\w+=|<style|<script(?![^>]*\bsrc=)|https?://(?!www\.w3\.org)|hx-on|javascript:", re.IGNORECASE
    )
    found = [
        f"{path.relative_to(TEMPLATES)}: {match[0]}"
        for path in sorted(TEMPLATES.rglob("*.*"))
        for match in wrong.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_form_that_posts_carries_its_proof() -> None:
    forms = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)
    found = [
        str(path.relative_to(TEMPLATES))
        for path in sorted(TEMPLATES.rglob("*.html"))
        for form in forms.findall(path.read_text(encoding="utf-8"))
        if 'name="csrf"' not in form and "user_form.html" not in form
    ]
    assert found == []


def test_every_file_that_a_template_names_is_there() -> None:
    named = {
        name for path in TEMPLATES.rglob("*.html") for name in re.findall(r"asset\('([^']+)'\)", Path(path).read_text())
    }
    assert named - set(assets.assets()) == set()
