"""What is planted by the calendar follows from its seed alone, and every fault has its turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backup.layout import Item
from backup.verify import plant
from ops.inventory.model import BackupSet, Opd
from ops.jobs.drill_inject import draw

OPD = Opd.model_construct(code="dinkes", name="Dinas Contoh", backup=())
ITEMS = [
    Item(OPD, BackupSet(name=name, kind="files", server="s", source="/srv", rpo="24h", rto="4h"))
    for name in ("aa", "bb", "cc")
]


@given(st.integers(0, 2**32 - 1))
def test_a_seed_repeats_what_it_chose(seed: int) -> None:
    assert draw(seed, ITEMS) == draw(seed, list(ITEMS))
    assert draw(seed, ITEMS, "tamper")[1] == "tamper"


def test_every_fault_and_every_set_has_its_turn() -> None:
    drawn = [draw(seed, ITEMS) for seed in range(300)]
    assert {fault for _, fault in drawn} == {str(one) for one in plant.PLANTERS}
    assert {item.set.name for item, _ in drawn} == {"aa", "bb", "cc"}
