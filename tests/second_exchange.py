"""A copy of the demonstration's inventory with or without the exchange of the DRC, for twins."""

from __future__ import annotations

from pathlib import Path

_WHOLE = Path(__file__).parents[1] / "inventories/batubara/hosts.yml"
_WATCHED = "    fail2ban:\n      hosts:\n        drc-pbx:\n"


def second_exchange(inventory: Path, *, declared: bool) -> None:
    """It is a machine more to boot, build and apply to, so the twin of all system tests is without it.
    tests/system/test_voip_second.py has it on one of its own, there in the group `fail2ban`, too."""
    whole = _WHOLE.read_text(encoding="utf-8")
    begin = whole.index("        pbx: # the exchange that takes over")
    end = whole.index("\n", whole.index("drc-pbx: ")) + 1
    (inventory / "hosts.yml").write_text(whole + _WATCHED if declared else whole[:begin] + whole[end:])
