"""What we say that Asterisk knows is what the documentation of the Asterisk in the image says."""

from __future__ import annotations

import os

import asterisk_catalogue as documented
import pytest
import yaml
from throwaway_asterisk import image

from ops.catalogue import exchange_rules

pytestmark = pytest.mark.system


def test_the_catalogue_is_that_of_the_asterisk_in_the_image() -> None:
    root = image()
    if os.environ.get("OPS_WRITE_CATALOGUE"):
        documented.write(root, documented.version_of(root))
    if documented.version_of(root) != exchange_rules.version():
        pytest.skip(f"the image has Asterisk {documented.version_of(root)}: OPS_WRITE_CATALOGUE=1 takes it over")
    loaded = {name: yaml.safe_load((documented.DATA / f"{name}.yml").read_text()) for name in ("pjsip", "dialplan")}
    assert loaded["pjsip"]["objects"] == documented.objects(root)
    assert loaded["dialplan"]["applications"] == documented.names(root, "application")
    assert loaded["dialplan"]["functions"] == documented.names(root, "function")
