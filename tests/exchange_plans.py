"""A small regency with everything that the exchange knows, and any others that hypothesis makes up."""

from __future__ import annotations

import os

from exchange_faults import with_password
from hypothesis import strategies as st
from made_up_plans import inventories, loaded
from telephone_plan import region

from ops.inventory.model import Region

_WHOLE = with_password(region("national"))
PLAN = _WHOLE.model_copy(update={"opds": tuple(opd for opd in _WHOLE.opds if opd.code in {"dinkes", "disdik", "rsud"})})
EXAMPLES = int(os.environ.get("OPS_EXAMPLES", "200" if os.environ.get("OPS_LONG") else "25"))


def plans() -> st.SearchStrategy[Region]:
    """A regency that keeps every rule of the inventory: InventoryInvalidError for one that is refused."""
    return inventories().map(loaded)
