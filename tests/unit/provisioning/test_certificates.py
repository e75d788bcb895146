"""The region's own certificate authority, and what hosts ask it for: with the real openssl."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_modules import load

ROOT = Path(__file__).parents[3]
WANTED = [
    {"name": "_region", "names": ["contoh.example", "*.contoh.example", "10.40.0.12"]},
    {"name": "dinkes", "names": ["dinkes.contoh.example", "www.dinkes.contoh.example"]},
]


HOST, AUTHORITY = load("kominfo_certificates"), load("kominfo_authority")


class Machines:
    """A web server and the authority's host, both below one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.tls, self.ca, self.capsys = folder / "tls", folder / "ca", capsys

    def call(self, module: ModuleType, **arguments: Any) -> dict[str, Any]:
        self.capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return result

    def ask(self, wanted: list[dict[str, Any]] = WANTED, **more: Any) -> dict[str, Any]:
        return self.call(HOST, folder=str(self.tls), certificates=wanted, **more)

    def sign(self, requests: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        usual = {"title": "Kabupaten Contoh", "domain": "contoh.example", "networks": ["10.40.0.0/24"]}
        return self.call(AUTHORITY, folder=str(self.ca), requests=requests, for_host="dc-web", **(usual | more))

    def place(self, answer: dict[str, Any]) -> None:
        """As the role does."""
        for name, pem in {**answer["signed"], "root": answer["root"]}.items():
            (self.tls / f"{name}.pem").write_text(pem)


@pytest.fixture
def machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machines:
    return Machines(tmp_path, capsys)


@pytest.fixture
def served(machines: Machines) -> Machines:
    machines.place(machines.sign(machines.ask()["requests"]))
    return machines


def test_what_is_signed_is_good_and_asked_for_only_once(served: Machines) -> None:
    again = served.ask()
    assert (again["changed"], again["requests"], again["root"]) == (False, [], False)
    assert again["held"] == ["_region", "dinkes"]
    for path in (*served.tls.glob("*.key"), served.ca / "ca.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in (served.ca / "issued.jsonl").read_text().splitlines()]
    assert [(line["host"], line["names"]) for line in lines] == [("dc-web", one["names"]) for one in WANTED]


def test_programs_that_trust_the_authority_take_it_for_its_names_only(served: Machines) -> None:
    """A real handshake, in memory."""
    assert handshake(served, "dinkes", "www.dinkes.contoh.example")
    assert handshake(served, "_region", "anyone.contoh.example")
    assert handshake(served, "_region", "10.40.0.12")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(served, "dinkes", "dinsos.contoh.example")


def handshake(machines: Machines, shown: str, asked: str) -> bool:
    there, here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=machines.tls / "root.pem")
    there.load_cert_chain(machines.tls / f"{shown}.pem", machines.tls / f"{shown}.key")
    pipes = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = there.wrap_bio(pipes[0], pipes[1], server_side=True)
    client = here.wrap_bio(pipes[1], pipes[0], server_hostname=asked)
    done = 0
    while done < 2:
        done = 0
        for end in (client, server):
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
    return True


@pytest.mark.parametrize("name", ["bank.example", "contoh.example.com", "10.41.0.1"])
def test_nobody_gets_a_certificate_for_what_the_region_does_not_own(served: Machines, name: str) -> None:
    asked = served.ask([{"name": "odd", "names": [name]}])["requests"]
    refused = served.sign(asked)
    assert refused["failed"]
    assert "openssl verify" in refused["msg"]
    assert "odd" not in (served.ca / "issued.jsonl").read_text()


@pytest.mark.parametrize("name", ["a.contoh.example,DNS:bank.example", "a.contoh.example\nx=y", "dc-web"])
def test_a_name_is_a_name_and_no_setting(served: Machines, name: str) -> None:
    asked = [{"name": "odd", "names": [name], "csr": served.ask([WANTED[1]], days=500)["requests"][0]["csr"]}]
    assert "neither a full DNS name" in served.sign(asked)["msg"]


def test_names_in_the_request_itself_are_not_looked_at(served: Machines) -> None:
    (asked,) = served.ask([{"name": "dinkes", "names": ["bank.example"]}])["requests"]
    answer = served.sign([{**asked, "names": ["dinkes.contoh.example"]}])
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
        input=answer["signed"]["dinkes"], capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "bank" not in shown


def lose(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize(
    ("name", "damage", "lacking"),
    [
        ("dinkes.pem", lose, {"dinkes"}),
        ("dinkes.key", lose, {"dinkes"}),
        ("dinkes.pem", spoil, {"_region", "dinkes"}),
        ("root.pem", lose, {"_region", "dinkes"}),
    ],
)
def test_what_is_lost_or_spoilt_is_asked_for_again(served: Machines, name: str, damage: Any, lacking: set[str]) -> None:
    damage(served.tls / name)
    assert {one["name"] for one in served.ask()["requests"]} == lacking
    served.place(served.sign(served.ask()["requests"]))
    assert not served.ask()["changed"]


def test_a_key_of_another_is_seen(served: Machines) -> None:
    (served.tls / "dinkes.key").write_text((served.tls / "_region.key").read_text())
    assert [one["name"] for one in served.ask()["requests"]] == ["dinkes"]


def test_another_name_and_a_near_end_ask_anew(served: Machines) -> None:
    more = [WANTED[0], {"name": "dinkes", "names": [*WANTED[1]["names"], "sehat.contoh.example"]}]
    assert [one["name"] for one in served.ask(more)["requests"]] == ["dinkes"]
    assert not served.ask(days=396)["requests"]
    assert len(served.ask(days=398)["requests"]) == 2


def test_looking_only_makes_nothing(machines: Machines) -> None:
    asked = machines.ask(_ansible_check_mode=True)
    assert asked["changed"]
    assert [one["csr"] for one in asked["requests"]] == ["", ""]
    signed = machines.sign(asked["requests"], _ansible_check_mode=True)
    assert (signed["changed"], signed["root"], signed["signed"]) == (True, "", {})
    assert not machines.tls.exists()
    assert not machines.ca.exists()


def test_a_key_that_others_may_read_is_closed_again(served: Machines) -> None:
    key = served.tls / "dinkes.key"
    key.chmod(0o644)
    assert served.ask(_ansible_check_mode=True)["changed"]
    assert key.stat().st_mode & 0o777 == 0o644
    closed = served.ask()
    assert closed["changed"]
    assert not closed["requests"]
    assert key.stat().st_mode & 0o777 == 0o600


def test_an_office_that_is_gone_is_named(served: Machines) -> None:
    assert served.ask([WANTED[0]])["stray"] == ["dinkes"]


def test_the_authority_is_made_once(served: Machines) -> None:
    root = served.ca / "root.pem"
    before = root.read_bytes()
    assert served.sign([])["root"].encode() == before
    assert not served.sign([])["changed"]
    der = base64.b64decode("".join(before.decode().splitlines()[1:-1]))
    assert b"Kabupaten Contoh" in der
