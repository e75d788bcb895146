"""What DHCP servers tell telephones: each its own address, and nobody's password."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ops.catalogue import phone
from ops.catalogue.provisioning import devices
from ops.derive import dhcp_options
from ops.inventory.load import load
from ops.inventory.model import Region

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
REGION = load(INVENTORY)
DINKES = REGION.opd("dinkes")


def files(region: Region) -> dict[str, str]:
    return {one.key: one.content for one in dhcp_options.artifacts(region)}


def with_model(name: str) -> Region:
    """dinkes' first telephone is of another model."""
    assert DINKES.phones
    first, *others = DINKES.phones.extensions
    made = (first.model_copy(update={"model": name}), *others)
    opd = DINKES.model_copy(update={"phones": DINKES.phones.model_copy(update={"extensions": made})})
    return REGION.model_copy(update={"opds": (opd,)})


def test_each_telephone_is_told_its_own_address_by_both() -> None:
    kea: list[dict[str, Any]] = json.loads(files(REGION)["dc-dns/dinkes.kea.json"])
    lines = files(REGION)["dc-dns/dinkes.dnsmasq.conf"].splitlines()
    told = {one["hw-address"].replace(":", ""): one["option-data"][0]["data"] for one in kea}
    assert told.keys() == {mac for mac, _, _ in devices(DINKES)}
    for mac, url in told.items():
        assert url == f"https://provision.batubarakab.example/{{{{secret:provision/{mac}}}}}/"
        assert f'dhcp-option-force=tag:{mac},66,"{url}"' in lines
    assert all(
        re.match(r'dhcp-(host=[0-9a-f:]{17},set|option-force=tag):[0-9a-f]{12}(,\d+,".*")?$', one) for one in lines
    )


def test_every_model_is_told_by_the_options_that_it_asks_for() -> None:
    for name in phone.names():
        text = files(with_model(name))["dc-dns/dinkes.dnsmasq.conf"]
        first = [line for line in text.splitlines() if ",set:" not in line and "001565000100" in line.partition(",")[0]]
        assert tuple(int(line.split(",")[1]) for line in first) == phone.model(name).dhcp
        kea = json.loads(files(with_model(name))["dc-dns/dinkes.kea.json"])[0]
        classes = json.loads(files(with_model(name))["dc-dns/_region.client-classes.json"])
        mine = [one for one in classes if one["name"] in kea.get("client-classes", ())]
        assert len(kea["option-data"]) + len(mine) == len(phone.model(name).dhcp)
        assert bool(mine) == (43 in phone.model(name).dhcp)


def test_without_a_dhcp_server_there_is_nothing() -> None:
    servers = tuple(one.model_copy(update={"groups": ()}) if one.name == "dc-dns" else one for one in REGION.servers)
    assert files(REGION.model_copy(update={"servers": servers})) == {}


def test_no_password_is_told() -> None:
    assert not re.search(r"voip/|phone/", "".join(files(REGION).values()))
