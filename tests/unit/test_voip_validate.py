"""`ops voip validate` does not pass for done what was never booted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.cli import main
from ops.errors import HostFailedError
from ops.jobs import voip_validate

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No image here, and an exchange that is not reached."""

    def unreached(*_: Any, **__: Any) -> dict[str, Any]:
        raise HostFailedError("dc-pbx", "SSH: no route to host")

    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    monkeypatch.setattr(voip_validate, "image", lambda: None)
    monkeypatch.setattr(voip_validate, "told", unreached)


def code(*words: str) -> int:
    return main.main(["voip", "validate", "-i", str(ROOT / "inventories/batubara"), *words])


def test_what_was_judged_and_not_booted_is_no_success(nowhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert code() == 6
    assert "judged only, not booted" in capsys.readouterr().err
    assert code("--no-boot") == 0
