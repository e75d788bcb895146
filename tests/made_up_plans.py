"""Regencies with telephones as people could declare them, made up by hypothesis: whole inventories, as files.

Each keeps every rule of the inventory by the way it is made, not by being tried: things are put in an order, and what
one of them rings by itself stands before it. So no call goes round, and nothing has to be thrown away.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from made_up_numbers import EMERGENCY, Drawn, classes, codes, holidays, hours, trunks

from ops.inventory.known import phone_keys
from ops.inventory.load import load
from ops.inventory.model import Region

_BASE = Path(__file__).parent / "contract/rules/base"
_MODELS = {  # with the beginning of their makers' MACs
    "yealink_t33g": "00:15:65",
    "yealink_t54w": "80:5e:c0",
    "grandstream_grp2614": "c0:74:ad",
    "fanvil_x5u": "0c:38:3e",
    "snom_d385": "00:04:13",
    "cisco_8841": "00:0e:08",
}
_LEGS = 20  # telephones that one call rings at once
_TITLES = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs", "Zl", "Zp"), include_characters="\u200c\u200d"),
    max_size=39,
).map(lambda text: f"N{text}")
_PLACES = st.sampled_from(["desk", "desk", "head", "softphone", "group"])


@dataclass
class Thing:
    """Whatever has a number. `kind`: a place of telephones, or what else it is; `said`: what its office declares."""

    office: int
    kind: str
    number: str = ""
    said: Drawn = field(default_factory=dict)
    rings: list[Thing] = field(default_factory=list)

    @property
    def telephone(self) -> bool:
        return self.kind in {"reception", "desk", "head", "softphone"}

    @property
    def legs(self) -> int:
        each = [one.legs for one in self.rings] if self.kind == "ring-group" else []
        return max([1, sum(each) if self.said.get("ring") != "in-turn" else max(each, default=1)])

    @property
    def ends_at_people(self) -> bool:
        """Whether nothing answers by itself. Of a telephone in a group only the bell rings."""
        if self.kind == "ring-group":
            return all(one.telephone or one.ends_at_people for one in self.rings)
        if self.kind in {"test", "menu"} or self.said.get("voicemail"):
            return False
        return all(one.ends_at_people for one in self.rings)


@dataclass
class Plan:
    """What is drawn step by step."""

    numbering: Drawn
    ranges: list[range]
    things: list[Thing]
    prompts: list[str]


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, bytes]:
    """The files of an inventory by their path in its folder."""
    plan = draw(_laid_out())
    draw(_filled(plan))
    people = [thing.number for thing in plan.things if thing.ends_at_people]
    answered = draw(st.lists(st.sampled_from(plan.numbering["emergency"]), unique=True, max_size=4)) if people else []
    plan.numbering["call_centre"] = {code: draw(st.sampled_from(people)) for code in answered}
    region = yaml.safe_load((_BASE / "region.yml").read_text(encoding="utf-8")) | {"numbering": plan.numbering}
    del region["policies"]
    offices = {f"opd/o{at}.yml": _office(draw, plan, at) for at in range(len(plan.ranges))}
    files = {"region.yml": region, "hosts.yml": _hosts(draw, plan.numbering["security"]), **offices}
    voice = (_BASE / "sounds/layanan.wav").read_bytes()
    made = {name: json.dumps(said, ensure_ascii=False, indent=1).encode() for name, said in files.items()}
    made |= {name: (_BASE / name).read_bytes() for name in ("fibre.yml", "drc.yml")}
    return made | {f"sounds/{prompt}.wav": voice for prompt in plan.prompts}


def loaded(files: dict[str, bytes]) -> Region:
    """As `ops check` reads it: from a folder, with all rules. InventoryInvalidError for what it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return load(Path(folder))


@st.composite
def _laid_out(draw: st.DrawFn) -> Plan:
    """Who has which number, and all that the region declares for everybody."""
    digits = draw(st.integers(3, 8))
    lead = 10 ** (digits - 3)
    blocks = draw(st.lists(st.integers(2 * lead, 9 * lead - 1), min_size=1, max_size=4, unique=True))
    ranges = [
        range(block * 100 + draw(st.integers(0, 30)), block * 100 + draw(st.integers(60, 100))) for block in blocks
    ]
    emergency = [*EMERGENCY, *draw(st.lists(st.sampled_from(["117", "122", "129"]), unique=True, max_size=2))]
    numbering: Drawn = {
        "digits": digits,
        "pbx": "dc-pbx",
        "emergency": emergency,
        "security": draw(st.sampled_from(["none", "none", "none", "tls-srtp"])),
        "trunks": draw(trunks()),
        "classes": draw(classes()),
        "hours": draw(hours()),
        "holidays": draw(holidays()),
    }
    things = [thing for at, numbers in enumerate(ranges) for thing in draw(_numbered(at, numbers))]
    short = draw(codes(ranges, digits, emergency))
    numbering["short_codes"] = {code: draw(st.sampled_from(things)).number for code in short}
    return Plan(numbering, ranges, things, [])


@st.composite
def _numbered(draw: st.DrawFn, office: int, numbers: range) -> list[Thing]:
    kinds = ["reception", "test", *draw(st.lists(_PLACES, max_size=5))]
    kinds += ["ring-group"] * draw(st.integers(0, 3)) + ["menu"] * draw(st.integers(0, 2))
    taken = draw(st.lists(st.integers(numbers[0], numbers[-1]), min_size=len(kinds), max_size=len(kinds), unique=True))
    return [Thing(office, kind, str(number)) for kind, number in zip(kinds, taken, strict=True)]


@st.composite
def _filled(draw: st.DrawFn, plan: Plan) -> None:
    """Each thing, in some order of all offices' together, may ring by itself what stands before it."""
    order = draw(st.permutations(plan.things))
    first = next(thing for thing in order if thing.telephone)
    before: list[Thing] = []
    for thing in [first, *(one for one in order if one is not first)]:
        able = [one for one in before if one.kind != "test"]
        thing.said = {"number": thing.number, "name": draw(_TITLES)}
        if thing.kind == "ring-group":
            _group(draw, thing, able)
        elif thing.kind == "menu":
            _menu(draw, thing, able, plan)
        else:
            _extension(draw, thing, able, plan)
        before.append(thing)


def _group(draw: st.DrawFn, thing: Thing, able: list[Thing]) -> None:
    thing.said |= {"ring": draw(st.sampled_from(["together", "in-turn"])), "seconds": draw(st.integers(5, 120))}
    able = [one for one in able if one.kind != "ring-group" or not any(two.kind == "ring-group" for two in one.rings)]
    chosen = draw(st.lists(st.sampled_from(able), min_size=1, max_size=4, unique_by=lambda one: one.number))
    for one in chosen:
        thing.rings.append(one)
        if thing.legs > _LEGS:
            thing.rings.pop()
    thing.said["members"] = [one.number for one in thing.rings]


def _menu(draw: st.DrawFn, thing: Thing, able: list[Thing], plan: Plan) -> None:
    """One key leads to a telephone; the others anywhere, back to the menu, too."""
    keys = draw(st.lists(st.sampled_from("0123456789*#"), min_size=1, max_size=6, unique=True))
    telephones = [one for one in plan.things if one.telephone]
    offered = {key: draw(st.sampled_from(plan.things)).number for key in keys[1:]}
    thing.rings.append(draw(st.sampled_from(able)))
    plan.prompts.append(f"suara{len(plan.prompts)}")
    thing.said |= {
        "prompt": plan.prompts[-1],
        "keys": {keys[0]: draw(st.sampled_from(telephones)).number, **offered},
        "closed": thing.rings[0].number,
    }
    if plan.numbering["hours"] and draw(st.booleans()):
        thing.said["hours"] = draw(st.sampled_from(plan.numbering["hours"]))["name"]


def _extension(draw: st.DrawFn, thing: Thing, able: list[Thing], plan: Plan) -> None:
    thing.said["place"] = thing.kind
    if not thing.telephone:
        return
    if thing.kind != "softphone":
        _device(draw, thing, plan)
    onward = draw(st.sampled_from(["", "", "forward", "voicemail"]))
    if onward == "voicemail":
        thing.said["voicemail"] = True
    elif onward and able:
        thing.rings.append(draw(st.sampled_from(able)))
        thing.said["forward"] = thing.rings[0].number
    thing.said |= _outbound(draw, plan.numbering)


def _device(draw: st.DrawFn, thing: Thing, plan: Plan) -> None:
    model = draw(st.sampled_from(sorted(_MODELS)))
    end = f"{plan.things.index(thing):06}"
    thing.said |= {"model": model, "mac": f"{_MODELS[model]}:{end[:2]}:{end[2:4]}:{end[4:]}"}
    shown = [one.number for one in plan.things if one is not thing] + [
        code for code in plan.numbering["short_codes"] if len(code) > 1
    ]
    lamps = draw(st.lists(st.sampled_from(shown), max_size=min(2, phone_keys(model) - 1), unique=True))
    thing.said["lamps"] = {str(key): number for key, number in enumerate(lamps, 2)}


def _outbound(draw: st.DrawFn, numbering: Drawn) -> Drawn:
    known = [one["name"] for one in numbering["classes"]] if numbering["trunks"] else []
    name = draw(st.sampled_from([None, None, "none", *known]))
    return {"outbound": name} if name else {}


def _office(draw: st.DrawFn, plan: Plan, at: int) -> Drawn:
    """The whole of one office's file."""
    said: Drawn = yaml.safe_load((_BASE / "opd/beta.yml").read_text(encoding="utf-8"))
    router, link = said["routers"][0], said["links"][0]
    said["code"], router["name"], router["address"] = f"o{at}", f"o{at}-rtr1", f"10.41.{at}.1"
    link |= {"router": router["name"], "address": f"10.40.17.{4 * at + 2}/30", "lan": f"10.41.{at}.0/24"}
    del said["web"], said["maintenance"]
    mine = [thing for thing in plan.things if thing.office == at]
    numbers = plan.ranges[at]
    said["phones"] = {
        "range": f"{numbers[0]}-{numbers[-1]}",
        "extensions": [one.said for one in mine if one.kind not in {"ring-group", "menu"}],
        "groups": [one.said for one in mine if one.kind == "ring-group"],
        "menus": [one.said for one in mine if one.kind == "menu"],
        "outbound_calls": draw(st.integers(1, 20)),
        **_outbound(draw, plan.numbering),
        **_direct(draw, plan, at),
        **({"vlan": draw(st.integers(1, 4094))} if draw(st.booleans()) else {}),
    }
    return said


def _direct(draw: st.DrawFn, plan: Plan, at: int) -> Drawn:
    """Numbers outside that ring anybody, of ten in each trunk's block that are this office's; it shows one of them."""
    if not plan.numbering["trunks"]:
        return {}
    own = [f"+6262241{trunk}0{at}{last}" for trunk in range(len(plan.numbering["trunks"])) for last in range(10)]
    chosen = draw(st.lists(st.sampled_from(own), min_size=1, max_size=4, unique=True))
    anybody = [thing.number for thing in plan.things]
    return {"caller_id": chosen[0], "direct_dial": {number: draw(st.sampled_from(anybody)) for number in chosen}}


def _hosts(draw: st.DrawFn, security: str) -> Drawn:
    """With what signs certificates where telephones speak encrypted, and now and then with a second exchange."""
    said: Any = yaml.safe_load((_BASE / "hosts.yml").read_text(encoding="utf-8"))
    groups = said["all"]["children"]
    if security != "none":
        groups["datacentre"]["children"]["ca"] = {"hosts": {"dc-ca": {"ansible_host": "10.40.0.20"}}}
    if draw(st.booleans()):
        groups["drc"]["children"]["pbx"] = {"hosts": {"drc-pbx": {"ansible_host": "10.40.8.15"}}}
    return dict(said)
