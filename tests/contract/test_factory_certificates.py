"""Telephones with a factory certificate get their file by it alone: a real nginx with the role's own configuration."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jinja2
import pytest

from ops.derive import phones
from ops.errors import InventoryInvalidError
from ops.inventory.factory import Provision
from ops.inventory.load import load
from ops.system.tools import images_folder

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "playbooks/roles/web/templates/kominfo.conf.j2"
NAME = "provision.batubarakab.example"
YEALINK, SNOM = "001565000101", "000413000102"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Paper(NamedTuple):
    pem: Path
    key: Path


def authority(folder: Path, name: str) -> Paper:
    made = Paper(folder / f"{name}.pem", folder / f"{name}.key")
    openssl("req", "-x509", *CURVE, "-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(made.pem))
    return made


def signed(folder: Path, by: Paper, subject: str, names: str = "") -> Paper:
    stem = re.sub(r"\W", "_", f"{by.pem.stem}{subject}")
    made, asked = Paper(folder / f"{stem}.pem", folder / f"{stem}.key"), folder / f"{stem}.csr"
    more = ("-addext", f"subjectAltName=DNS:{names}") if names else ()
    openssl("req", *CURVE, "-subj", subject, *more, "-keyout", str(made.key), "-out", str(asked))
    sign = ("-CA", str(by.pem), "-CAkey", str(by.key), "-copy_extensions", "copy", "-days", "30")
    openssl("x509", "-req", "-in", str(asked), *sign, "-out", str(made.pem))
    return made


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def program() -> list[str]:
    if found := shutil.which("nginx"):
        return [found]
    for image in sorted(images_folder().glob("trixie-*"), reverse=True):
        if (image / "usr/sbin/nginx").exists():
            loader, libraries = next((image / "usr/lib64").glob("ld-*")), next((image / "usr/lib").glob("*-linux-gnu"))
            return [str(loader), "--library-path", str(libraries), str(image / "usr/sbin/nginx")]
    pytest.skip(f"no nginx on PATH nor in an image below {images_folder()} (ops tools --images makes it)")


def guards() -> str:
    """As `ops apply` lays them down for two telephones, open to this machine instead of the office's network."""
    region = load(ROOT / "inventories/batubara")
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    first = dinkes.phones.extensions[0]
    two = tuple(
        first.model_copy(update={"number": number, "model": model, "mac": ":".join(re.findall("..", mac))})
        for number, model, mac in (("20150", "yealink_t33g", YEALINK), ("20151", "snom_d385", SNOM))
    )
    other = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update={"extensions": two})})
    wanted = Provision.model_construct(factory_ca=("yealink",))
    shown = region.model_copy(update={"opds": (other,), "provision": wanted})
    text = next(one.content for one in phones.artifacts(shown) if one.kind == phones.GUARD)
    text = re.sub(r"\{\{secret:provision/(\w+)\}\}", r"token\1", text)
    return text.replace("allow 10.41.1.0/24", "allow 127.0.0.0/8")


class Server(NamedTuple):
    port: int
    authority: Path
    factory: Paper
    folder: Path

    def get(self, path: str, paper: Paper | None = None) -> int:
        context = ssl.create_default_context(cafile=str(self.authority))
        if paper:
            context.load_cert_chain(paper.pem, paper.key)
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        with plain, context.wrap_socket(plain, server_hostname=NAME) as door:
            door.sendall(f"GET {path} HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
            return int(door.makefile("rb").readline().split()[1])

    def of(self, mac: str, paper: Paper | None = None) -> int:
        asked = {YEALINK: f"{mac}.cfg", SNOM: f"snom-{mac.upper()}.htm"}[mac]
        return self.get(f"/token{mac}/{asked}", paper)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def configured(folder: Path, ports: tuple[int, int]) -> Path:
    """The role's template with this folder for the system's."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # as Ansible
    known = {"domain": NAME.partition(".")[2]}
    values = {
        "web_held": ["_region"],
        "web_factories": ["yealink"],
        "kominfo_region": known,
        "ansible_host": "10.0.0.1",
    }
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(values)
    for old, new in (
        ("listen 443", f"listen 127.0.0.1:{ports[0]}"),
        ("listen 80", f"listen 127.0.0.1:{ports[1]}"),
        ("/etc/kominfo/tls", str(folder)),
        ("/etc/nginx", str(folder)),
        ("/var/log/nginx", str(folder)),
        ("/srv/", f"{folder}/srv/"),
    ):
        text = text.replace(old, new)
    (folder / "kominfo").mkdir()
    (folder / "kominfo/dinkes.provision").write_text(guards().replace("/srv/", f"{folder}/srv/"), encoding="utf-8")
    inner = f"user root;\ndaemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\n"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(f"{inner}{places}access_log off;\n{text}\n}}\n", encoding="utf-8")
    return whole


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words, folder = program(), tmp_path_factory.mktemp("nginx")
    ours, factory, ports = authority(folder, "ours"), authority(folder, "yealink"), free_ports()
    shutil.copy(factory.pem, folder / "kominfo-factory.pem")
    own = signed(folder, ours, "/CN=web", NAME)
    shutil.copy(own.pem, folder / "_region.pem")
    shutil.copy(own.key, folder / "_region.key")
    shutil.copy(ours.pem, folder / "root.pem")
    files = folder / "srv/provision/kominfo"
    files.mkdir(parents=True)
    for mac in (YEALINK, SNOM):
        (files / f"dinkes.{mac}.cfg").write_text("a file", encoding="utf-8")
    argv = [*words, "-c", str(configured(folder, ports)), "-p", str(folder), "-e", str(folder / "error.log")]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(ports[0], process)
        yield Server(ports[0], ours.pem, factory, folder)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.terminate()
    pytest.fail(f"nginx does not listen: {process.communicate(timeout=30)[1]}")


@pytest.mark.parametrize(
    "subject", [f"/CN={YEALINK}", f"/CN={YEALINK.upper()}", "/CN=SIP-T33G/serialNumber=MAC 00:15:65:00:01:01"]
)
def test_a_telephone_gets_its_file_by_its_factory_certificate(server: Server, subject: str) -> None:
    assert server.of(YEALINK, signed(server.folder, server.factory, subject)) == 200


def test_nobody_else_gets_it(server: Server) -> None:
    stranger = authority(server.folder, "stranger")
    assert server.of(YEALINK) == 403
    assert server.of(YEALINK, signed(server.folder, server.factory, "/CN=001565000102")) == 403
    assert server.of(YEALINK, signed(server.folder, server.factory, f"/CN=0{YEALINK}")) == 403, "a longer number"
    assert server.of(YEALINK, signed(server.folder, stranger, f"/CN={YEALINK}")) == 403
    assert server.get(f"/token{YEALINK}/other.cfg") == 404


def test_other_vendors_telephones_are_as_before(server: Server) -> None:
    assert server.of(SNOM) == 200
    strange = authority(server.folder, "snoms")
    assert server.of(SNOM, signed(server.folder, strange, f"/CN={SNOM}")) == 200, "a certificate nobody asked for"


def test_nothing_is_asked_for_where_nobody_declared_it() -> None:
    region = load(ROOT / "inventories/batubara")
    assert "ssl_client" not in "".join(one.content for one in phones.artifacts(region))


def test_a_vendor_without_its_authority_is_no_valid_inventory(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    shutil.copytree(ROOT / "inventories/batubara", folder)
    plan = folder / "region.yml"
    plan.write_text(plan.read_text(encoding="utf-8") + "\nprovision:\n  factory_ca: [yealink]\n", encoding="utf-8")
    with pytest.raises(InventoryInvalidError) as error:
        load(folder)
    assert "factory-ca/yealink.pem is not in the inventory's folder" in error.value.problems[0].what
    (folder / "factory-ca").mkdir()
    made = authority(folder / "factory-ca", "yealink")
    assert load(folder).provision.factory_ca == ("yealink",)
    made.pem.write_text(made.pem.read_text(encoding="ascii") + made.key.read_text(encoding="ascii"), encoding="ascii")
    with pytest.raises(InventoryInvalidError) as error:
        load(folder)
    assert "holds a private key" in error.value.problems[0].what
