"""What was read is kept, and what reading it took is let go."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

from ops.inventory.load import load
from ops.system.heap import compact, give_back, stay_small

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"


def test_an_inventory_built_anew_is_the_same_inventory() -> None:
    made = compact(lambda: load(BATUBARA))
    assert made == load(BATUBARA)
    assert [link.lan for opd in made.opds for link in opd.links] == [
        link.lan for opd in load(BATUBARA).opds for link in opd.links
    ]


def test_what_was_made_first_is_gone() -> None:
    first: list[weakref.ref[Kept]] = []

    def make() -> Kept:
        made = Kept()
        first.append(weakref.ref(made))
        return made

    assert isinstance(compact(make), Kept)
    gc.collect()
    assert first[0]() is None


def test_a_system_without_such_settings_is_left_as_it_is() -> None:
    stay_small()
    give_back()


class Kept:
    """Something that can be referred to weakly."""
