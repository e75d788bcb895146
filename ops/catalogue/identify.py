"""Which profile a device has, and why: by what it says of itself, longest match first. Pure but for the profiles."""

from __future__ import annotations

from dataclasses import dataclass

from ops.catalogue.device import device, names


@dataclass(frozen=True, slots=True)
class Identified:
    """`model`: name of the profile, empty for a device that none is meant for. `why`: one sentence for a person."""

    model: str
    why: str


def identify(object_id: str, description: str) -> Identified:
    """The profile that sysObjectID and sysDescr speak for."""
    best: tuple[tuple[int, bool], str, str] | None = None
    for name in names():
        for one in device(name).identity:
            rank = one.rank(object_id.strip("."), description)
            if rank is not None and (best is None or rank > best[0]):
                said = [f"sysObjectID begins with {one.object_id}"] if one.object_id else []
                said += [f"sysDescr says {one.description}"] if one.description else []
                best = rank, name, " and ".join(said)
    if best is None:
        return Identified("", f"no profile names sysObjectID {object_id or '(none)'}")
    return Identified(best[1], best[2])
