"""Telephony as an adversary declares it, or leaves it in a release: nothing of it goes live, all good does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from exchange_faults import release
from exchange_plans import PLAN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.catalogue import exchange_check, exchange_rules
from ops.derive import pbx
from ops.errors import InventoryInvalidError, UsageError
from ops.inventory.load import assemble
from ops.jobs import voip_validate

HERE = Path(__file__).parent
BASE = {
    str(path.relative_to(HERE / "rules/base")): path.read_text(encoding="utf-8")
    for path in (HERE / "rules/base").rglob("*.yml")
}
DECLARATIONS: list[dict[str, str]] = yaml.safe_load((HERE / "telephony/declarations.yml").read_text(encoding="utf-8"))
RELEASES: list[dict[str, str]] = yaml.safe_load((HERE / "telephony/releases.yml").read_text(encoding="utf-8"))
OFFICES = tuple(opd for opd in PLAN.opds if opd.code in {"dinkes", "disdik"})
MEANT = pbx.artifacts(PLAN.model_copy(update={"opds": OFFICES}))
GOOD = release(one for one in MEANT if one.host == PLAN.numbering.pbx)
RULES = exchange_rules.rules(PLAN.numbering.emergency)
ENDPOINTS = "dinkes.endpoint.conf"


def some(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """All where time does not matter (`make test-long`), else a third of them."""
    return rows if os.environ.get("OPS_LONG") else rows[::3]


def refused(files: dict[str, str]) -> list[str]:
    try:
        assemble(files)
    except InventoryInvalidError as error:
        return [problem.what for problem in error.problems]
    return []


def spoiled(row: dict[str, str]) -> dict[str, str]:
    """The good release with that one fault."""
    bad = dict(GOOD)
    text, add = bad.pop(row["file"], ""), row.get("add", "")
    if "behind" in row:
        bad[row["file"]] = re.sub(row["behind"], lambda found: f"{found[0]}\n{add}", text, count=1, flags=re.MULTILINE)
    elif "sought" in row:
        bad[row["file"]] = re.sub(row["sought"], row["instead"], text, count=1, flags=re.MULTILINE)
    elif "without" not in row:
        bad[row["file"]] = row.get("write", text + add)
    assert bad != GOOD, row["kind"]
    return bad


def against_the_plan(files: dict[str, str], verdict: exchange_check.Verdict) -> list[Any]:
    return [*voip_validate.against(GOOD, verdict.wanted), *voip_validate.misplaced(GOOD, files)]


def test_the_corpora_are_large_and_each_line_is_a_fault_of_its_own() -> None:
    for rows, least in ((DECLARATIONS, 250), (RELEASES, 350)):
        assert len({row["kind"] for row in rows}) == len(rows) >= least


def test_no_bad_declaration_gets_through() -> None:
    for row in DECLARATIONS:
        assert row["old"] in BASE[row["in"]], row["kind"]
    spoilt = ((row["kind"], row["in"], row["old"], row["new"]) for row in some(DECLARATIONS))
    bad = {kind: BASE | {name: BASE[name].replace(old, new, 1)} for kind, name, old, new in spoilt}
    assert refused(BASE) == []
    assert [kind for kind, files in bad.items() if not refused(files)] == []


def test_no_bad_release_goes_live() -> None:
    accepted, late = [], []
    for row in some(RELEASES):
        files = spoiled(row)
        verdict = exchange_check.judge(files, RULES)
        if not verdict.faults and "plan" not in row:
            late.append(row["kind"])
        if not verdict.faults and not against_the_plan(files, verdict):
            accepted.append(row["kind"])
    assert (accepted, late) == ([], [])


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "mark of byte order": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "Latin-1": lambda text: text.replace(b"Kepala Dinas", "K\u00e9pala".encode("latin-1")),
    "overlong UTF-8": lambda text: text.replace(b"Kepala", b"\xc0\xafKepala"),
    "NUL": lambda text: text[:100] + b"\0" + text[100:],
    "NULs behind a crash": lambda text: text + b"\0" * 512,
    "lines that end with CR LF": lambda text: text.replace(b"\n", b"\r\n"),
    "lines that end with CR": lambda text: text.replace(b"\n", b"\r"),
    "cut inside a sign": lambda text: text + "\u00e9".encode()[:1],
    "cut in the middle": lambda text: text[: len(text) // 2],
    "last line without its end": lambda text: text.rstrip(b"\n"),
    "nothing": lambda _: b"",
    "anything": lambda _: bytes(range(256)),
}


@pytest.mark.parametrize("kind", BYTES)
def test_no_broken_file_is_read_as_if_it_were_whole(kind: str, tmp_path: Path) -> None:
    for name, text in GOOD.items():
        (tmp_path / name).write_bytes(text.encode())
    assert voip_validate.files_of(tmp_path) == GOOD
    (tmp_path / ENDPOINTS).write_bytes(BYTES[kind](GOOD[ENDPOINTS].encode()))
    try:
        faults = exchange_check.judge(voip_validate.files_of(tmp_path), RULES).faults
    except UsageError:
        return
    assert faults


@pytest.mark.parametrize("name", ["dinkes.endpoint.conf~", ".dinkes.endpoint.conf.swp", "old/dinkes.endpoint.conf"])
def test_what_lies_beside_the_files_of_a_release_is_a_fault(name: str, tmp_path: Path) -> None:
    for file, text in GOOD.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x\n", encoding="utf-8")
    faults = exchange_check.judge(voip_validate.files_of(tmp_path), RULES).faults
    assert [str(fault) for fault in faults] == [f"{name} is read by nothing"]


# ---- odd, and legal

ALPHA, REGION = "opd/alpha.yml", "region.yml"
SOFTPHONE = "{number: 20150, name: Piket, place: softphone}"
SECOND = """{name: dua, provider: D, servers: [10.91.0.1], numbers: "+62622420000-+62622420009", channels: 1,
       emergency_channels: 0}"""
ODD: dict[str, tuple[tuple[str, str, str], ...]] = {
    "a key leads back to the menu": ((ALPHA, '"2": 20190', '"9": 20195'),),
    "all keys": ((ALPHA, '"2": 20190', '"0": 20190\n        "*": 20100\n        "#": 20101'),),
    "a menu that is always open": ((ALPHA, "      hours: kerja\n", ""),),
    "beyond midnight": ((REGION, '"mon-fri 07:30-16:00"', '"sat 22:00-06:00", "sun 00:00-24:00"'),),
    "hours that overlap": ((REGION, '"mon-fri 07:30-16:00"', '"mon-fri 07:30-16:00", "wed 12:00-18:00"'),),
    "no holidays": ((REGION, "  holidays:\n    - day: 2026-08-17\n      name: Kemerdekaan\n", ""),),
    "no call centre": ((REGION, '  call_centre:\n    "112": 20190\n', ""),),
    "a telephone is the call centre": ((REGION, '"112": 20190', '"112": 20100'),),
    "117 too": ((REGION, "118, 119]", "117, 118, 119, 122, 129]"),),
    "no short codes": ((REGION, '  short_codes:\n    "15500": 20100\n', ""),),
    "short code of a public kind": ((REGION, '"15500"', '"1500123"'),),
    "short code with one digit": ((REGION, '"15500"', '"7"'),),
    "a group in turn": ((ALPHA, "members: [20100, 20101]", "members: [20100, 20101]\n      ring: in-turn"),),
    "a group with a menu": (
        (ALPHA, "members: [20100, 20101]", "members: [20195]"),
        (REGION, '"112": 20190', '"112": 20100'),
    ),
    "a group of another office's": ((ALPHA, "members: [20100, 20101]", "members: [20200]"),),
    "voicemail": ((ALPHA, "forward: 20100", "voicemail: true"),),
    "softphone": ((ALPHA, "  outbound: kota", f"    - {SOFTPHONE}\n  outbound: kota"),),
    "VLAN": ((ALPHA, "range: 20100-20199", "range: 20100-20199\n  vlan: 4094"),),
    "a MAC as Cisco writes it": ((ALPHA, "c0:74:ad:00:01:01", "C074.AD00.0101"),),
    "a MAC with dashes": ((ALPHA, "c0:74:ad:00:01:01", "C0-74-AD-00-01-01"),),
    "nobody outside": ((ALPHA, "outbound: negeri", "outbound: none"),),
    "all kinds": ((REGION, "to: [local]", "to: [local, national, mobile, international]"),),
    "a provider's machine in the data centre": ((REGION, "[10.90.0.1, 10.90.0.2]", "[10.40.0.200]"),),
    "a trunk that wants national numbers": ((REGION, "channels: 10", "channels: 10\n      dials: national"),),
    "a trunk without a password": ((REGION, "      user: contoh\n      secret: trunk/telko\n", ""),),
    "a second trunk": ((REGION, "  trunks:\n", f"  trunks:\n    - {SECOND}\n"),),
    "a large range": ((ALPHA, "20100-20199", "20000-20199"),),
    "a range that is no round one": ((ALPHA, "20100-20199", "20097-20198"),),
    "Papua": ((REGION, "Asia/Jakarta", "Asia/Jayapura"),),
}  # fmt: skip
NAMES = (
    'R&D <Umum> "Contoh"; #1', "]]> <!-- -->", "a = b ; c # d", "مكتب", "Puskesmas 🚑", "%NULL%", "x" * 40, "a, b | c",
    "' or \\ \" %s ${EXTEN} {{x}} {% raw %}", "e\u0301cole 办公室", "[20100](!)", "-- #include", "1",
)  # fmt: skip


def judged(files: dict[str, str]) -> list[str]:
    region = assemble(files)
    planned = voip_validate.planned(region)
    return [
        str(fault) for fault in exchange_check.judge(planned, exchange_rules.rules(region.numbering.emergency)).faults
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(ODD)), max_size=6, unique=True), st.sampled_from(NAMES))
def test_what_is_odd_and_legal_goes_live(kinds: list[str], name: str) -> None:
    files = dict(BASE)
    for kind in kinds:
        for file, old, new in ODD[kind]:
            files[file] = files[file].replace(old, new, 1)  # some are in each other's way: then the first one stands
    quoted = name.replace("'", "''")
    files[ALPHA] = files[ALPHA].replace("name: Kepala Dinas", f"name: '{quoted}'")
    assert judged(files) == []


@pytest.mark.parametrize("kind", ODD)
def test_each_odd_thing_alone_is_legal(kind: str) -> None:
    files = dict(BASE)
    for file, old, new in ODD[kind]:
        assert old in files[file]
        files[file] = files[file].replace(old, new, 1)
    assert judged(files) == []
