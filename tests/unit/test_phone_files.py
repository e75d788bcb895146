"""Telephone files: one golden file per model, escaping for every name, nothing secret in clear."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.catalogue import phone
from ops.derive import phones
from ops.errors import OpsError
from ops.inventory.load import load

GOLDEN = Path(__file__).parents[1] / "golden/phones"
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
TITLE = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)


def values(name: str = 'R&D <Umum> "Contoh"; #1') -> dict[str, dict[str, object]]:
    return {
        "phone": {
            "number": "20101",
            "name": name,
            "mac": "001565000101",
            "password": "{{secret:voip/20101}}",
            "admin_password": "{{secret:phone/001565000101}}",
            "reception": "20100",
        },
        "exchange": {"address": "192.0.2.15", "port": 5060, "expires": 600},
        "clock": {"offset": "+7"},
    }


@pytest.mark.parametrize("model", phone.names())
def test_each_model_has_its_golden_file(model: str) -> None:
    rendered = phone.render(model, values())
    file = GOLDEN / f"{model}.cfg"
    if os.environ.get("OPS_WRITE_GOLDEN"):
        file.write_text(rendered, encoding="utf-8")
    assert rendered == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", phone.names())
@given(name=TITLE)
def test_no_name_can_leave_its_place(model: str, name: str) -> None:
    """Whatever a telephone is called, the file has the same lines and tags, and the name can be read back."""
    plain, odd = phone.render(model, values("Contoh")), phone.render(model, values(name))
    assert len(odd.split("\n")) == len(plain.split("\n"))
    if phone.model(model).format == "xml":
        assert tags(odd) == tags(plain)
    else:
        assert [line.partition(" = ")[0] for line in odd.split("\n")] == [
            line.partition(" = ")[0] for line in plain.split("\n")
        ]


def tags(text: str) -> list[str]:
    return [element.tag for element in ET.fromstring(text).iter()]  # our own text


def test_xml_gives_the_name_back() -> None:
    found = ET.fromstring(phone.render("fanvil_x3u", values('A & B <c> "d"'))).find(".//DisplayName")
    assert found is not None
    assert found.text == 'A & B <c> "d"'


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(OpsError, match="no telephone model nokia_3310") as error:
        phone.model("nokia_3310")
    assert "yealink_t33g" in error.value.next_step


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        phone.render("yealink_t33g", {"phone": {}, "exchange": {}, "clock": {}})


def test_every_telephone_of_the_region_gets_one_file_and_no_secret_in_clear() -> None:
    region = load(INVENTORY)
    wanted = {
        f"dc-web/{opd.code}.{declared.mac.replace(':', '')}.cfg": declared
        for opd in region.opds
        for declared in (opd.phones.extensions if opd.phones else ())
        if declared.mac
    }
    found = {artifact.key: artifact for artifact in phones.artifacts(region) if artifact.kind == phones.KIND}
    assert found.keys() == wanted.keys()
    for key, artifact in found.items():
        assert f"{{{{secret:voip/{wanted[key].number}}}}}" in artifact.content
        assert artifact.because == wanted[key].at.rpartition(":")[0]


def test_an_offices_files_are_for_its_own_networks_only() -> None:
    guards = {one.scope: one.content for one in phones.artifacts(load(INVENTORY)) if one.kind == phones.GUARD}
    assert "location ^~ /kominfo/dinkes. {\n    allow 10.41.1.0/24;\n    deny all;\n" in guards["dinkes"]
    assert "allow 10.41.1.0/24" not in "".join(text for code, text in guards.items() if code != "dinkes")
