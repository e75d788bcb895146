"""A small regency with everything that the exchange knows, and others like it that hypothesis makes up."""

from __future__ import annotations

from exchange_faults import with_password
from hypothesis import strategies as st
from telephone_plan import region

from ops.inventory.model import Phone, Region
from ops.inventory.telephony import Group

_WHOLE = with_password(region("national"))
PLAN = _WHOLE.model_copy(update={"opds": tuple(opd for opd in _WHOLE.opds if opd.code in {"dinkes", "disdik", "rsud"})})
_NAMES = st.from_regex(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,40}", fullmatch=True).filter(str.strip)
_PLACES = st.sampled_from(["desk", "head", "softphone", "group", "test", "reception"])


@st.composite
def plans(draw: st.DrawFn) -> Region:
    """A regency whose offices have other telephones, names, groups and classes than the demonstration's."""
    offices = []
    for opd in PLAN.opds[: draw(st.integers(1, 3))]:
        assert opd.phones
        first = int(opd.phones.range[:5])
        numbers = sorted(draw(st.sets(st.integers(0, 89), min_size=1, max_size=8)))
        phones = tuple(
            Phone.model_validate({"number": str(first + at), "name": draw(_NAMES), "place": draw(_PLACES)})
            for at in numbers
        )
        members = tuple(phone.number for phone in phones if phone.place not in {"group", "test"})
        ring = draw(st.sampled_from(["together", "in-turn"]))
        groups = (Group(number=str(first + 95), name="G", members=members, ring=ring),) if members else ()
        made = opd.phones.model_copy(
            update={"extensions": phones, "groups": groups, "menus": (), "direct_dial": {},
                    "outbound": draw(st.sampled_from([None, "kota", "negeri", "none"]))}
        )  # fmt: skip
        offices.append(opd.model_copy(update={"phones": made}))
    centre = {"call_centre": {}, "trunks": PLAN.numbering.trunks if draw(st.booleans()) else ()}
    return PLAN.model_copy(update={"opds": tuple(offices), "numbering": PLAN.numbering.model_copy(update=centre)})
