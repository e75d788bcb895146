"""The demonstration region with a way outside: a trunk, classes, a group, a menu, a call centre, opening hours."""

from __future__ import annotations

from pathlib import Path

from ops.inventory.load import assemble, read_files
from ops.inventory.model import Region

INVENTORY = Path(__file__).parents[1] / "inventories/batubara"
PROVIDER = "10.90.0.1"
SHOWN, OTHER = "+62622410001", "+62622410002"
_PLAN = f"""\
  call_centre: {{"112": 20190}}
  trunks:
    - {{name: telko, provider: Contoh, servers: [{PROVIDER}], numbers: +62622410000-+62622410099, channels: 3,
       emergency_channels: 2, dials: DIALS}}
  classes:
    - {{name: kota, to: [local], minutes: 60}}
    - {{name: negeri, to: [local, national, mobile], calls: 2, minutes: 60}}
  hours:
    - {{name: selalu, open: ["mon-sun 00:00-24:00"]}}
    - {{name: malam, open: ["fri-sat 22:00-06:00"]}}
  holidays:
    - {{day: 2026-08-17, name: Kemerdekaan}}
"""
_OFFICE = f"""\
  outbound: kota
  caller_id: "{SHOWN}"
  outbound_calls: 2
  direct_dial: {{"{SHOWN}": 20195}}
  groups:
    - {{number: 20190, name: Siaga, members: [20100, 20102]}}
    - {{number: 20191, name: Bergilir, members: [20101, 20190], ring: in-turn, seconds: 5}}
  menus:
    - {{number: 20195, name: Layanan, prompt: layanan, hours: selalu, keys: {{"1": 20100, "2": 20190}}, closed: 20100}}
    - {{number: 20196, name: Malam, prompt: malam, hours: malam, keys: {{"1": 20100}}, closed: 20100}}
"""


def region(dials: str = "e164") -> Region:
    """dinkes may call the town, its head (20101) the whole country; every other office shows a number of its own."""
    files = read_files(INVENTORY)
    for at, (name, text) in enumerate(sorted(files.items())):
        if name.endswith("region.yml"):
            files[name] = text.replace("numbering:\n", "numbering:\n" + _PLAN.replace("DIALS", dials))
        elif name.endswith("opd/dinkes.yml"):
            head = text.replace("place: head\n", "place: head\n      outbound: negeri\n      forward: 20102\n")
            files[name] = head.replace("phones:\n", "phones:\n" + _OFFICE)
        elif "phones:\n" in text and "opd/" in name:
            number = f"+626224100{at:02}"
            first = text.partition("range: ")[2][:5]
            lines = f'phones:\n  caller_id: "{number}"\n  direct_dial: {{"{number}": {first}}}\n'
            files[name] = text.replace("phones:\n", lines)
    return assemble(files)
