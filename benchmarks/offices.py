"""A made-up inventory of any size to measure with: `python benchmarks/offices.py 1000 /tmp/offices`.

Every office has one router, one link, four extensions, one web name and one backup set, written as people write them.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
from pathlib import Path

_POPS = 20
_FIRST_EXTENSION = 200_000
_BLOCK = 10

_REGION = """\
# Made up for measuring.
name: Kabupaten Ukur
code: ukur
timezone: Asia/Jakarta
domain: ukur.example
addresses:
  datacentre: 10.40.0.0/24
  drc: 10.40.8.0/24
  transport: 10.48.0.0/12
  offices: 10.64.0.0/10
station:
  address: 10.40.0.10
numbering:
  digits: 6
  pbx: dc-pbx
  emergency: [110, 112, 113, 115, 118, 119]
upstreams:
  - name: astinet
    provider: Contoh
    bandwidth: 100G
"""

_HOSTS = """\
all:
  children:
    dns: {hosts: {dc-dns: {ansible_host: 10.40.0.11}}}
    web: {hosts: {dc-web: {ansible_host: 10.40.0.12}}}
    database: {hosts: {dc-db: {ansible_host: 10.40.0.13}}}
    monitoring: {hosts: {dc-mon: {ansible_host: 10.40.0.14}}}
    pbx: {hosts: {dc-pbx: {ansible_host: 10.40.0.15}}}
    app: {hosts: {dc-app: {ansible_host: 10.40.0.16}}}
    vault: {hosts: {drc-vault: {ansible_host: 10.40.8.11}}}
    restore: {hosts: {drc-restore: {ansible_host: 10.40.8.12}}}
"""

_DRC = "vault:\n  server: drc-vault\ndrills:\n  server: drc-restore\n"

_OFFICE = """\
# Kantor contoh {n}: semua isinya dibuat-buat.
code: {code}
name: Kantor Contoh {n}
kind: dinas
kecamatan: Contoh
contacts:
  - role: Penanggung jawab TI
    name: Contoh {n}
    phone: "+62-622-{n:06d}"
sites:
  - name: kantor
    address: Jl. Contoh No. {n}
    location: [3.1701, 99.4183]
routers:
  - name: {code}-rtr1
    site: kantor
    model: mikrotik_routeros
    address: {router}
links:
  - name: wan
    router: {code}-rtr1
    ifname: sfp1
    address: {link}
    drop:
      node: {pop}
      km: 0.8
    rides: [{rides}]
    lan: {lan}
    lan_ifname: bridge-lan
    contract:
      upstream: astinet
      download: 50M
      upload: 50M
      latency: 20ms
      availability: 99.5
web:
  - name: {code}
    server: dc-web
phones:
  range: {first}-{last}
  extensions:
    - number: {first}
      name: Penerima Tamu
      place: reception
      model: yealink_t33g
      mac: 00:15:65:{high:02x}:{low:02x}:00
    - number: {second}
      name: Kepala Dinas
      place: head
      model: yealink_t33g
      mac: 00:15:65:{high:02x}:{low:02x}:01
    - number: {third}
      name: Subbag Umum
      model: yealink_t33g
      mac: 00:15:65:{high:02x}:{low:02x}:02
    - number: {test}
      name: Nomor uji
      place: test
backup:
  - name: dokumen-{code}
    kind: files
    server: dc-app
    source: /srv/opd/{code}
    rpo: 24h
    rto: 8h
    owner: Kantor Contoh {n}
"""


def inventory(offices: int) -> dict[str, str]:
    """The files of an inventory with so many offices, by their path inside the folder."""
    files = {"region.yml": _REGION, "hosts.yml": _HOSTS, "drc.yml": _DRC, "fibre.yml": _fibre()}
    return files | {f"opd/kantor-{n:04d}.yml": _office(n) for n in range(1, offices + 1)}


def write(folder: Path, offices: int) -> Path:
    """The same, on disk. Returns the folder."""
    (folder / "opd").mkdir(parents=True, exist_ok=True)
    for name, text in inventory(offices).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _fibre() -> str:
    lines = ["nodes:", "  - {name: dc, kind: datacentre, location: [3.1, 99.4], address: 10.48.0.1}"]
    lines += [
        f"  - {{name: pop-{n}, kind: pop, location: [3.1, 99.4], address: 10.48.0.{n + 1}}}"
        for n in range(1, _POPS + 1)
    ]
    lines.append("segments:")
    ring = ["dc", *(f"pop-{n}" for n in range(1, _POPS + 1)), "dc"]
    for n, (one, other) in enumerate(itertools.pairwise(ring), 1):
        lines.append(f"  - {{name: s-{n:02d}, between: [{one}, {other}], km: 4.5, splices: 3, ring: ring-1}}")
    return "\n".join(lines) + "\n"


def _office(n: int) -> str:
    lan = ipaddress.IPv4Network("10.64.0.0/10").network_address + n * 256
    link = ipaddress.IPv4Network("10.49.0.0/16").network_address + n * 4 + 2
    first = _FIRST_EXTENSION + n * _BLOCK
    pop = n % (_POPS // 2) + 1
    return _OFFICE.format(
        n=n,
        code=f"kantor-{n:04d}",
        router=lan + 1,
        lan=f"{lan}/24",
        link=f"{link}/30",
        pop=f"pop-{pop}",
        rides=", ".join(f"s-{step:02d}" for step in range(pop, 0, -1)),
        first=first,
        second=first + 1,
        third=first + 2,
        test=first + 8,
        last=first + _BLOCK - 1,
        high=n // 256,
        low=n % 256,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("offices", type=int)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    print(write(chosen.folder, chosen.offices))


if __name__ == "__main__":
    main()
