"""Telephone files and books: one golden file per model; whatever a thing is called, the file says just that."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ops.catalogue import escape, phone
from ops.derive import phone_books, phones
from ops.errors import OpsError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system.secrets import Secrets

GOLDEN = Path(__file__).parents[1] / "golden/phones"
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
HOSTILE = (
    'R&D <Umum> "Contoh"; #1',
    "two\nlines\r\nand\x00more\u2028",
    "]]> <![CDATA[ <!-- -->",
    "a = b ; c # d",
    "account.1.password = mine",
    "مكتب الصحة",
    "\u202eecin si siht\u202c",
    "🏥 Puskesmas 🚑",
    "%NULL%",
    "' or \\ \" %s ${EXTEN} {{secret:canary}} {% raw %}",
    "x" * 200,
    "\ud800lone",
)
NAME = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()), min_size=1, max_size=60))
XMLNS = "{http://www.linphone.org/xsds/lpconfig.xsd}"


def values(name: str = HOSTILE[0], **changed: Any) -> dict[str, dict[str, Any]]:
    """As ops.derive.phones gives them. `changed`: keys of the exchange and of the site."""
    site = "https://provision.example/{{secret:provision/001565000101}}/"
    exchange = {"servers": [{"address": "192.0.2.15", "port": 5060}], "transport": "udp", "srtp": False, "expires": 600}
    around = {"authority": "", "vlan": 0, "firmware": "", "book": f"{site}office.xml", "region_book": f"{site}r.xml"}
    return {
        "phone": {
            "number": "20101",
            "name": phone.shown(name),
            "mac": "001565000101",
            "password": "{{secret:voip/20101}}",
            "digest": "{{ha1:20101:example:voip/20101}}",
            "admin_password": "{{secret:phone/001565000101}}",
            "lamps": [{"place": 2, "number": "20100", "label": phone.shown(name)}],
            "voicemail": "",
        },
        "exchange": {**exchange, "codecs": ["alaw", "g722"], "domain": "example", "emergency": ["110", "112"]}
        | {key: value for key, value in changed.items() if key in exchange},
        "clock": {"offset": "+7", "hours": "+07:00", "seconds": 25200, "posix": "WIB-7", "server": "192.0.2.11"},
        "site": {"url": site, "file": "asked.cfg", "book_name": phone.shown(name), "region_name": phone.shown(name)}
        | around
        | {key: value for key, value in changed.items() if key in around},
    }


FULL: dict[str, Any] = {
    "servers": [{"address": "192.0.2.15", "port": 5061}, {"address": "198.51.100.15", "port": 5061}],
    "transport": "tls",
    "srtp": True,
    "authority": "http://provision.example/kominfo-root.pem",
    "vlan": 40,
}

# Where each vendor's file says it: what the plan knows → the key of the parsed file.
WHERE: Mapping[str, Mapping[str, str]] = {
    "yealink": {
        "number": "account.1.user_name",
        "name": "account.1.display_name",
        "password": "account.1.password",
        "first": "account.1.sip_server.1.address",
        "second": "account.1.sip_server.2.address",
        "admin": "security.user_password",
        "vlan": "network.vlan.internet_port_vid",
        "url": "auto_provision.server.url",
        "label": "linekey.2.label",
    },
    "grandstream": {
        "number": "P35",
        "name": "P3",
        "password": "P34",
        "first": "P47",
        "second": "P2312",
        "admin": "P2",
        "vlan": "P51",
        "url": "P237",
        "label": "P1467",
    },
    "grandstream_alias": {
        "number": "account.1.sip.userid",
        "name": "account.1.sip.subscriber.name",
        "password": "account.1.sip.subscriber.password",
        "first": "account.1.sip.server.1.address",
        "second": "account.1.sip.server.2.address",
        "admin": "users.admin.password",
        "vlan": "network.port.eth.1.vlan.tag",
        "url": "provisioning.config.serverPath",
        "label": "pks.vpk.2.description",
    },
    "fanvil": {
        "number": "PhoneNumber",
        "name": "DisplayName",
        "password": "RegisterPswd",
        "first": "RegisterAddr",
        "second": "BackupAddr",
        "admin": "MenuPassword",
        "vlan": "VLANID",
        "url": "FlashServerIP",
        "label": "Title",
    },
    "cisco": {
        "number": "User_ID_1_",
        "name": "Display_Name_1_",
        "password": "Password_1_",
        "first": "Proxy_1_",
        "second": "Alternate_Proxy_1_",
        "admin": "Admin_Passwd",
        "vlan": "VLAN_ID",
        "url": "Profile_Rule",
        "label": "Short_Name_2_",
    },
    "snom": {
        "number": "user_name",
        "name": "user_realname",
        "password": "user_pass",
        "first": "user_host",
        "second": "user_host 2",
        "admin": "admin_mode_password",
        "vlan": "vlan_id",
        "url": "setting_server",
        "label": "@label",
    },
    "htek": {
        "number": "P35",
        "name": "P3",
        "password": "P34",
        "first": "P47",
        "second": "P967",
        "admin": "P2",
        "vlan": "P51",
        "url": "P237",
        "label": "P41401",
    },
    "linphone": {
        "number": "auth_info_0 username",
        "password": "auth_info_0 ha1",
        "first": "proxy_0 reg_proxy",
        "second": "proxy_1 reg_proxy",
    },
}


def where(model: str) -> Mapping[str, str]:
    found = dict(WHERE["grandstream_alias" if model == "grandstream_grp2614" else phone.model(model).vendor])
    return found | ({"admin": "Admin_Password"} if model == "cisco_8841" else {})


def parsed(model: str, text: str) -> dict[str, str]:
    """A file as its telephone would read it: key → value, by a real parser of XML, or line by line."""
    if phone.model(model).format == "lines":
        lines = [line for line in text.split("\n")[1:] if line]
        pairs = [line.split(" = ", 1) for line in lines]
        return {key.removeprefix("static."): value for key, value in pairs}
    found: dict[str, str] = {}
    for element in ET.fromstring(text).iter():
        key = element.get("name") or element.tag
        if element.get("idx") not in {None, "1"}:
            key = f"{key} {element.get('idx')}"
        elif element.tag == "fkey" and element.text != "none":
            found["@label"] = element.get("label", "")
        found.setdefault(key, element.text or "")
    for section in ET.fromstring(text).iter(f"{XMLNS}section"):
        found |= {f"{section.get('name')} {entry.get('name')}": entry.text or "" for entry in section}
    return found


@pytest.mark.parametrize("model", phone.names())
def test_each_model_has_its_golden_file(model: str) -> None:
    rendered = phone.render(model, values(**FULL))
    file = GOLDEN / f"{model}.cfg"
    if os.environ.get("OPS_WRITE_GOLDEN"):
        file.write_text(rendered, encoding="utf-8")
    assert rendered == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", phone.names())
@settings(max_examples=25)
@given(name=NAME)
@example(HOSTILE[1])
@example(HOSTILE[2])
def test_whatever_a_telephone_is_called_its_file_says_what_was_planned(model: str, name: str) -> None:
    plan, keys = values(name, **FULL), where(model)
    found = parsed(model, phone.render(model, plan))
    assert found.keys() == parsed(model, phone.render(model, values("Contoh", **FULL))).keys()
    wanted = {
        "number": "20101",
        "name": plan["phone"]["name"],
        "password": plan["phone"]["digest" if model == "linphone" else "password"],
        "admin": plan["phone"]["admin_password"],
        "vlan": "40",
        "label": plan["phone"]["name"],
    }
    for what in wanted.keys() & keys.keys():
        if wanted[what] != "%NULL%":
            assert found[keys[what]].removeprefix("admin:") == wanted[what], what
    assert found[keys["first"]].removeprefix("sip:").startswith("192.0.2.15")
    assert found[keys["second"]].removeprefix("sip:").startswith("198.51.100.15")
    assert "{{secret:provision/001565000101}}" in found.get(keys.get("url", ""), "{{secret:provision/001565000101}}")


DESKS = [name for name in phone.names() if name != "linphone"]

# What says "none" to a telephone that had it: its vendor's → key of the parsed file, value.
OFF: Mapping[str, Mapping[str, str]] = {
    "yealink": {
        "network.vlan.internet_port_enable": "0",
        "network.vlan.internet_port_vid": "%NULL%",
        "voice_mail.number.1": "%NULL%",
        "account.1.sip_server.2.address": "%NULL%",
        "local_time.ntp_server1": "%NULL%",
        "linekey.2.type": "0",
    },
    "grandstream": {"P51": "0", "P33": "", "P2312": "", "P30": "", "P1365": "0", "P1467": "", "P1468": ""},
    "grandstream_alias": {
        "network.port.eth.1.vlan.tag": "0",
        "account.1.sip.voicemail.number": "",
        "account.1.sip.server.2.address": "",
        "dateTime.ntp.server.1": "",
        "pks.vpk.2.keyMode": "None",
        "pks.vpk.2.value": "",
    },
    "fanvil": {"EnableVLAN": "0", "MWINum": "", "BackupAddr": "", "EnableSNTP": "0", "SNTPServer": "", "Type": "0"},
    "cisco": {
        "Enable_VLAN": "No",
        "Voice_Mail_Number": "",
        "Alternate_Proxy_1_": "",
        "Primary_NTP_Server": "",
        "Extended_Function_2_": "",
        "Short_Name_2_": "",
        "Custom_CA_Rule": "",
    },
    "snom": {
        "vlan_id": "",
        "user_mailbox": "",
        "user_active 2": "off",
        "user_host 2": "",
        "user_pass 2": "",
        "user_failover_identity": "none",
        "ntp_server": "",
        "fkey": "none",
    },
    "htek": {"P51": "0", "P33": "", "P967": "", "P30": "", "P41201": "0"},
}


def last_key(model: str) -> str:
    """The telephone's last key in the words of its file."""
    keys = phone.model(model).keys
    told = {
        "yealink": f"linekey.{keys}.type",
        "grandstream": f"<P{1361 + 2 * keys}>",
        "fanvil": f'<Fkey index="{keys}">',
        "cisco": f"<Extended_Function_{keys}_>",
        "snom": f'<fkey idx="{keys - 1}"',
        "htek": f"LineKey{keys}.Type",
    }
    return f"pks.vpk.{keys}.keyMode" if model == "grandstream_grp2614" else told[phone.model(model).vendor]


@pytest.mark.parametrize("model", DESKS)
def test_what_is_taken_out_of_the_inventory_is_taken_from_the_telephone(model: str) -> None:
    bare = values()
    bare["phone"] |= {"lamps": []}
    bare["clock"] |= {"server": ""}
    text = phone.render(model, bare)
    found = parsed(model, text)
    off = OFF["grandstream_alias" if model == "grandstream_grp2614" else phone.model(model).vendor]
    assert {key: found.get(key) for key in off} == off
    assert last_key(model) in text, "each key that has no lamp is named"
    full = values(**FULL)
    full["phone"] |= {"voicemail": "*97"}
    had = parsed(model, phone.render(model, full))
    assert {key: had.get(key) for key in off}.items().isdisjoint(off.items()), "it had them"


@pytest.mark.parametrize("model", DESKS)
def test_without_a_second_server_nothing_of_it_is_left_on_the_telephone(model: str) -> None:
    found, keys = parsed(model, phone.render(model, values())), where(model)
    assert found.get(keys["second"], "") in {"", "%NULL%"}
    assert "firmware.url" not in found
    assert "P192" not in found


# The key that makes a telephone check certificates → its value when it does.
CHECKS = {"yealink": ("security.trust_certificates", "1"), "snom": ("check_certificates", "on")}
LOADS = {"yealink": "trusted_certificates.url", "cisco": "Custom_CA_Rule"}
UNCHECKED = {"grandstream_grp2614": ("security.validate.serverCertificate", "No"), "grandstream": ("P8463", "0")}


@pytest.mark.parametrize("model", phone.names())
def test_a_telephone_checks_certificates_only_with_the_authority_in_its_file(model: str) -> None:
    """A telephone that checks without knowing the region's authority would never fetch a file again."""
    about, root = phone.model(model), f"http://provision.example/kominfo-root.{phone.model(model).root}"
    text = phone.render(model, values(**FULL | {"authority": root}))
    found = parsed(model, text)
    if about.certificates == "checked":
        assert root in text
        key, value = CHECKS.get(about.vendor, ("", ""))
        assert found.get(key, value) == value
        assert found.get(LOADS.get(about.vendor, ""), root) == root
        assert (about.root == "der") == (about.vendor == "snom")
        plain = parsed(model, phone.render(model, values()))
        assert not key or plain[key] != value, "without an authority nobody could be checked"
    else:
        assert root not in text
        key, value = UNCHECKED.get(model, UNCHECKED.get(about.vendor, ("", "")))
        assert found.get(key, value) == value


def test_whoever_asks_is_told_which_models_check_certificates() -> None:
    found = phone.census(["snom_d385", "snom_d385", "fanvil_x3u"])
    assert {name: found[name]["certificates"] for name in ("snom_d385", "fanvil_x3u", "linphone")} == {
        "snom_d385": "checked",
        "fanvil_x3u": "unchecked",
        "linphone": "by-hand",
    }
    assert [found[name]["declared"] for name in ("snom_d385", "fanvil_x3u", "htek_uc926")] == [2, 1, 0]
    docs = (INVENTORY.parents[1] / "docs/phones.md").read_text(encoding="utf-8")
    for name, one in found.items():
        row = next(
            line
            for line in docs.splitlines()
            if line.startswith("| ") and str(one["title"]).split()[-1].removeprefix("SIP-") in line
        )
        assert row.endswith(f"| {str(one['certificates']).replace('-', ' ')} |"), name


def test_a_fanvil_reads_its_vlan_where_public_templates_have_it() -> None:
    root = ET.fromstring(phone.render("fanvil_x3u", values(**FULL)))
    assert root.findtext("qos/EnableVLAN") == "1"
    assert root.findtext("qos/VLANID") == "40"


def test_a_locked_snom_still_calls_each_emergency_number() -> None:
    plan = values(**FULL)
    found = parsed("snom_d385", phone.render("snom_d385", plan))
    assert found["keyboard_lock_emergency"].split() == plan["exchange"]["emergency"]


@pytest.mark.parametrize("model", [name for name in phone.names() if name.startswith("cisco")])
def test_a_cisco_asks_again_for_the_name_that_is_served(model: str) -> None:
    # $MA would be the MAC in lower case, $MAU in upper case; nginx serves exactly one of them
    plan = values(**FULL)
    found = parsed(model, phone.render(model, plan))
    assert found["Profile_Rule"] == f"{plan['site']['url']}{plan['site']['file']}"


@pytest.mark.parametrize("form", sorted({form for name in phone.names() if (form := phone.model(name).book)}))
@settings(max_examples=25)
@given(names=st.lists(NAME, min_size=1, max_size=4))
@example(list(HOSTILE))
def test_a_book_gives_back_the_names_it_was_given(form: str, names: list[str]) -> None:
    entries = [(phone.shown(name), str(20100 + at)) for at, name in enumerate(names)]
    root = ET.fromstring(phone.book(form, phone.shown(names[0]), entries))
    tags = {"grandstream": ("FirstName", "phonenumber"), "snom": ("first_name", "number")}
    name, number = tags.get(form, ("Name", "Telephone"))
    found = [(one.text or "", two.text or "") for one, two in zip(root.iter(name), root.iter(number), strict=True)]
    assert found == entries


def test_a_value_that_is_none_or_true_is_a_mistake_of_the_template() -> None:
    for value in (None, True):
        with pytest.raises(ValueError, match="no value"):
            escape.xml(value)


def test_a_name_that_a_telephone_takes_for_a_command_is_broken() -> None:
    assert "display_name = % NULL%\n" in phone.render("yealink_t33g", values("%NULL%"))


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(OpsError, match="no telephone model nokia_3310") as error:
        phone.model("nokia_3310")
    assert "yealink_t33g" in error.value.next_step


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        phone.render("yealink_t33g", {"phone": {}, "exchange": {}, "clock": {}, "site": {}})


# ---- what follows from the inventory


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


def changed(region: Region, **keys: Any) -> Region:
    """dinkes with other keys below phones."""
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    other = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update=keys)})
    return region.model_copy(update={"opds": tuple(other if one is dinkes else one for one in region.opds)})


def test_every_telephone_of_the_region_gets_one_file_and_no_secret_in_clear(region: Region) -> None:
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


def test_one_other_name_is_one_other_file(region: Region) -> None:
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    other = [
        one.model_copy(update={"name": "Nama Baru"}) if one.number == "20102" else one
        for one in dinkes.phones.extensions
    ]
    before, after = set(phones.artifacts(region)), set(phones.artifacts(changed(region, extensions=tuple(other))))
    assert {one.key for one in before ^ after} == {"dc-web/dinkes.001565000102.cfg"}


def test_an_offices_files_are_for_its_own_networks_and_tokens_only(region: Region) -> None:
    guards = {one.scope: one.content for one in phones.artifacts(region) if one.kind == phones.GUARD}
    assert "    allow 10.41.1.0/24;\n    deny all;\n" in guards["dinkes"]
    assert "allow 10.41.1.0/24" not in "".join(text for code, text in guards.items() if code != "dinkes")
    for code, text in guards.items():
        tokens = Secrets.named(text)
        assert all(line.split()[2].startswith("/{{secret:") for line in text.splitlines() if "location" in line)
        assert len(tokens) == text.count("location ^~"), "each telephone has its own"
        assert not any(tokens & Secrets.named(other) for name, other in guards.items() if name != code)


def test_a_vlan_reaches_every_telephone_of_its_office_and_no_other(region: Region) -> None:
    before, after = set(phones.artifacts(region)), set(phones.artifacts(changed(region, vlan=40)))
    assert {one.scope for one in before ^ after} == {"dinkes"}
    assert all("40" in one.content for one in after - before)


def lit(region: Region, lamps: dict[str, str], model: str = "yealink_t33g") -> str:
    """The file of one telephone of dinkes with these lamps."""
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    one = dinkes.phones.extensions[0].model_copy(
        update={"lamps": lamps, "model": model, "mac": "00:15:65:00:0b:00", "number": "20150", "place": "desk"}
    )
    others = dinkes.phones.extensions[1:]
    made = phones.artifacts(changed(region, extensions=(*others, one)))
    return next(file.content for file in made if file.key == "dc-web/dinkes.001565000b00.cfg")


def test_declared_lamps_stand_on_their_own_keys_and_replace_the_others(region: Region) -> None:
    numbering = region.numbering.model_copy(update={"short_codes": {"15500": "20200"}})
    text = lit(region.model_copy(update={"numbering": numbering}), {"4": "20101", "2": "15500"})
    assert "linekey.2.value = 20200" in text
    assert "linekey.2.label = 15500" in text
    assert "linekey.3.type = 0" in text
    assert "linekey.4.value = 20101" in text
    assert text.count("type = 16") == 2


@pytest.mark.parametrize("model", [name for name in DESKS if phone.model(name).keys > 3])
def test_a_lamp_is_on_the_key_that_was_declared_of_every_vendor(region: Region, model: str) -> None:
    before, after = (lit(region, {key: "20101"}, model) for key in ("3", "4"))
    lines = [{line.strip() for line in text.splitlines() if "20101" in line} for text in (before, after)]
    if phone.model(model).vendor == "fanvil":  # there the key's number stands in the line before
        assert ('<Fkey index="3">\n        <Type>1' in before, '<Fkey index="4">\n        <Type>1' in after) == (
            True,
            True,
        )
    else:
        assert lines[0] != lines[1]
        assert lines[0]


def test_lamps_that_no_key_is_left_for_are_told(region: Region) -> None:
    codes = {f"1550{at}": f"2010{at}" for at in range(5)}
    numbering = region.numbering.model_copy(update={"short_codes": codes})
    found = phones.cut_off(region.model_copy(update={"numbering": numbering}))
    count, labels = found["yealink_t33g"]
    assert count > 1
    assert "15504" in labels
    assert "yealink_t54w" not in found
    few = region.model_copy(update={"numbering": region.numbering.model_copy(update={"short_codes": {}})})
    assert phones.cut_off(few) == {}


def test_with_tls_every_telephone_is_told_so_and_to_insist_on_srtp(region: Region) -> None:
    numbering = region.numbering.model_copy(update={"security": "tls-srtp"})
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    models = [name for name in phone.names() if name != "linphone"]
    first = dinkes.phones.extensions[0]
    every = tuple(
        first.model_copy(update={"number": str(20110 + at), "model": model, "mac": f"00:15:65:00:0b:{at:02x}"})
        for at, model in enumerate(models)
    )
    other = changed(region, extensions=every).model_copy(update={"numbering": numbering})
    made = {one.key[-6:-4]: one.content for one in phones.artifacts(other) if one.key.startswith("dc-web/dinkes.00")}
    for at, model in enumerate(models):
        text = made[f"{at:02x}"]
        plain = phone.render(model, values(transport="udp", srtp=False))
        words = {line.strip() for line in text.splitlines()}
        coded = {line.strip() for line in phone.render(model, values(transport="tls", srtp=True)).splitlines()}
        told = [line for line in coded - {line.strip() for line in plain.splitlines()} if "192.0.2" not in line]
        assert "5061" in text, model
        assert {*told} <= words, model
    soft = phones.softphone_file(other, first)
    assert f"sip:dc-pbx.{region.domain}:5061;transport=tls" in soft, "its TLS finds no address in a certificate"
    assert f"sip:{region.server('dc-pbx').address}:5060;transport=udp" in phones.softphone_file(region, first)
    assert ">srtp<" in soft


def test_books_hold_what_rings_and_no_test_number(region: Region) -> None:
    found = {one.key: one.content for one in phone_books.artifacts(region)}
    office, every = found["dc-web/dinkes.yealink.xml"], found["dc-web/_region.yealink.xml"]
    assert "<Telephone>20100</Telephone>" in office
    assert "20198" not in every
    assert "20200" not in office
    assert "20200" in every
