"""What a real Kea and a real dnsmasq make of the files for telephones: they load them, and Kea says what was meant."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from dhcp_servers import Programs, offered, programs, serving

from ops.catalogue import phone
from ops.catalogue.provisioning import origin
from ops.derive import dhcp_options
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.jobs.voip_validate import substituted

DECLARED = load(Path(__file__).parents[2] / "inventories/batubara")
NAMES = ('"; "x": {}', '<?include "/etc/shadow"?>', "a,b\\\\", "'); #", "dhcp-script=/bin/sh", "\u202e\U0001f3e5")
RELAYED = {"interfaces-config": {"interfaces": ["lo/127.0.0.1"], "dhcp-socket-type": "udp"}}
SUBNET = """{"id": 1, "subnet": "10.41.1.0/24", "pools": [{"pool": "10.41.1.100-10.41.1.200"}],
  "relay": {"ip-addresses": ["127.0.0.1"]}, "reservations": <?include "%s/dinkes.kea.json"?>}"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return programs(tmp_path_factory.mktemp("packages"))


def every_model() -> Region:
    """One office with a telephone of each model, and names that would break what they were written into."""
    dinkes = DECLARED.opd("dinkes")
    assert dinkes.phones
    first = dinkes.phones.extensions[0]
    models = [name for name in phone.names() if name != "linphone"]
    made = tuple(
        first.model_copy(
            update={"model": model, "number": str(20110 + at), "mac": mac(at), "name": NAMES[at % len(NAMES)]}
        )
        for at, model in enumerate(models)
    )
    office = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update={"extensions": made})})
    return DECLARED.model_copy(update={"opds": (office,)})


def mac(at: int) -> str:
    return f"00:15:65:00:0a:{at:02x}"


def written(folder: Path) -> Path:
    """The files as the host gets them, and a configuration of Kea's that includes them as docs/phones.md says."""
    for one in dhcp_options.artifacts(every_model()):
        (folder / one.key.partition("/")[2]).write_text(substituted(one.content), encoding="utf-8")
    leases = {**RELAYED, "lease-database": {"type": "memfile", "persist": False}}
    whole = folder / "kea.conf"
    whole.write_text(
        f"""{{"Dhcp4": {{ {json.dumps(leases)[1:-1]},
  "option-def": <?include "{folder}/_region.option-def.json"?>,
  "client-classes": <?include "{folder}/_region.client-classes.json"?>,
  "subnet4": [{SUBNET % folder}] }} }}""",
        encoding="utf-8",
    )
    return whole


def test_dnsmasq_takes_the_files(found: Programs, tmp_path: Path) -> None:
    written(tmp_path)
    done = found.run(tmp_path, "dnsmasq", "--test", "-C", "/dev/null", f"--conf-dir={tmp_path},*.dnsmasq.conf")
    assert done.returncode == 0, done.stderr


def test_kea_tells_each_telephone_its_address_by_the_options_it_asks_for(found: Programs, tmp_path: Path) -> None:
    whole = written(tmp_path)
    done = found.run(tmp_path, "kea-dhcp4", "-t", str(whole))
    assert done.returncode == 0, done.stderr
    web = origin(DECLARED)
    assert web
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        server, own = one.getsockname()[1], two.getsockname()[1]
    with serving(found, tmp_path, "kea-dhcp4", "-p", str(server), "-P", str(own), "-c", str(whole)):
        for at, name in enumerate(one for one in phone.names() if one != "linphone"):
            told = offered(mac(at), server, own)
            url = substituted(web.of(mac(at).replace(":", ""))).encode()
            wanted = dict.fromkeys(phone.model(name).dhcp, url)
            assert {option: told.get(option) for option in (43, 66, 160) if option in told} == wanted, name
