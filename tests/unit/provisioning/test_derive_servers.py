"""Zones, virtual hosts and variables that follow from offices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops.derive import ansible_vars, dns, pbx, web
from ops.inventory.exchanges import exchanges
from ops.inventory.load import load
from ops.inventory.model import Region

ROOT = Path(__file__).parents[3]
REGION = load(ROOT / "inventories/batubara")
TITLES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=80)


def renamed(title: str) -> Region:
    opd = REGION.opds[0].model_copy(update={"name": title})
    return REGION.model_copy(update={"opds": (opd, *REGION.opds[1:])})


@given(TITLES)
def test_no_name_breaks_out_of_its_virtual_host(title: str) -> None:
    content = next(iter(web.artifacts(renamed(title)))).content
    found = re.search(r'return 200 "(.*)";\n', content)
    assert found
    assert not set('"\\$\n') & set(found[1])
    assert content.count("server {") == 1


@given(TITLES)
def test_variables_come_back_from_yaml_as_they_went_in(title: str) -> None:
    region = renamed(title)
    opd, artifact = region.opds[0], next(iter(ansible_vars.artifacts(region)))
    assert yaml.safe_load(artifact.content) == {ansible_vars.group(opd): ansible_vars.variables(region, opd)}


def zones(region: Region) -> dict[str, str]:
    return {artifact.key: artifact.content for artifact in dns.artifacts(region)}


def serial(zone: str) -> int:
    found = re.search(r" SOA \S+ \S+ (\d+) ", zone)
    assert found
    return int(found[1])


def test_a_zone_has_its_own_serial_and_keeps_it_while_nothing_changes() -> None:
    before = zones(REGION)
    moved = REGION.model_copy(
        update={
            "servers": tuple(
                server.model_copy(update={"address": "10.40.0.99"}) if "web" in server.groups else server
                for server in REGION.servers
            )
        }
    )
    after = zones(moved)
    files = [key for key in before if key.endswith(".zone")]
    assert len({serial(before[key]) for key in files}) == len(files)
    assert all(0 < serial(before[key]) < 2**32 for key in files)
    assert zones(REGION) == before
    assert all(serial(before[key]) != serial(after[key]) for key in files)


@pytest.mark.parametrize("opd", REGION.opds, ids=lambda opd: opd.code)
def test_every_web_name_is_delegated_and_answered(opd: object) -> None:
    found = zones(REGION)
    parent = found["dc-dns/_region.zone"].splitlines()
    for host in opd.web:  # type: ignore[attr-defined]
        assert f"{host.name} NS ns1.{REGION.domain}." in parent
        zone = found[f"dc-dns/{opd.code}.zone"].splitlines()  # type: ignore[attr-defined]
        assert f"$ORIGIN {host.name}.{REGION.domain}." in zone
        for owner in ("@", "www", *host.aliases):
            assert f"{owner} A {REGION.server(host.server).address}" in zone


def test_a_second_web_name_has_a_zone_of_its_own() -> None:
    opd = REGION.opds[0]
    more = opd.model_copy(update={"web": (*opd.web, opd.web[0].model_copy(update={"name": "lain"}))})
    found = zones(REGION.model_copy(update={"opds": (more,)}))
    assert f"$ORIGIN lain.{REGION.domain}." in found[f"dc-dns/{opd.code}.lain.zone"]
    assert found[f"dc-dns/{opd.code}.conf"].count("domain:") == 2


def test_without_web_names_there_is_no_zone_and_no_host() -> None:
    bare = REGION.model_copy(update={"opds": tuple(opd.model_copy(update={"web": ()}) for opd in REGION.opds)})
    assert set(zones(bare)) == {"dc-dns/_region.zone", "dc-dns/_region.conf"}
    assert list(web.artifacts(bare)) == []


@pytest.mark.parametrize(
    ("security", "ways"), [("none", {"_sip._udp": "5060"}), ("tls-srtp", {"_sip._udp": "5060", "_sips._tcp": "5061"})]
)
def test_the_dns_names_the_transports_that_the_exchange_has(security: str, ways: dict[str, str]) -> None:
    numbering = REGION.numbering.model_copy(update={"security": security})
    region = REGION.model_copy(update={"numbering": numbering})
    lines = re.findall(r"^(\S+) SRV (\d+) \d+ (\d+) (\S+)$", zones(region)["dc-dns/_region.zone"], re.MULTILINE)
    servers = [f"{label}.{REGION.domain}." for label in ("pbx", "pbx2")][: len(exchanges(region))]
    assert len(servers) > 1
    assert {(owner, port) for owner, _, port, _ in lines} == set(ways.items())
    for owner in ways:
        assert [
            name for _, _, name in sorted((int(one[1]), one[2], one[3]) for one in lines if one[0] == owner)
        ] == servers
    said = "".join(one.content for one in pbx.artifacts(region) if one.key == "dc-pbx/_region.transport.conf")
    assert len(ways) == said.count("type=transport")
