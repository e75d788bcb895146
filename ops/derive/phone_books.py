"""Every number of an office, and of the whole regency → telephone books, in the form of each vendor that has one there.

They hold what rings: telephones, groups and menus by their declared names, no persons and no numbers to test with.
"""

from __future__ import annotations

from collections.abc import Iterable

from ops.catalogue import phone
from ops.catalogue.provisioning import devices, origin
from ops.inventory.model import Opd, Region
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "phone-book"
Entries = list[tuple[str, str]]


def artifacts(region: Region) -> Iterable[Artifact]:
    web = origin(region)
    if not web:
        return
    entries = {opd.code: _entries(opd) for opd in region.opds}
    everywhere: set[str] = set()
    for opd in region.opds:
        forms = _forms(opd)
        everywhere |= forms
        for form in sorted(forms):
            content = phone.book(form, phone.shown(opd.name), entries[opd.code])
            yield Artifact(
                KIND, f"{web.host}/{opd.code}.{form}.xml", content, opd.phones.line if opd.phones else opd.line
            )
    for form in sorted(everywhere):
        every = [(f"{name} ({code})", number) for code, found in entries.items() for name, number in found]
        content = phone.book(form, phone.shown(region.name), every)
        yield Artifact(KIND, f"{web.host}/{REGION_SCOPE}.{form}.xml", content, region.line)


def _forms(opd: Opd) -> set[str]:
    """Forms that the office's own telephones read."""
    return {form for _, name, _ in devices(opd) if (form := phone.model(name).book)}


def _entries(opd: Opd) -> Entries:
    found = opd.phones.taken if opd.phones else ()
    return [(phone.shown(one.name), one.number) for one in found if getattr(one, "place", "") != "test"]
