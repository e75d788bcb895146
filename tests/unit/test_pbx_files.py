"""What follows from an office on the exchange: exact patterns, safe names, and emergency numbers first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.derive import pbx
from ops.inventory.load import assemble, load, read_files
from ops.inventory.model import Phone, Region
from ops.plan.change import Artifact

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
ROLE = Path(__file__).parents[2] / "playbooks/roles/pbx/files"


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


@pytest.fixture(scope="module")
def files(region: Region) -> dict[str, Artifact]:
    return {artifact.key.partition("/")[2]: artifact for artifact in pbx.artifacts(region)}


def as_regex(pattern: str) -> re.Pattern[str]:
    """An Asterisk pattern of digits, `X` and `[a-b]`."""
    assert pattern.startswith("_")
    return re.compile(pattern[1:].replace("X", "[0-9]"))


@given(st.integers(0, 99999), st.integers(0, 1200))
def test_patterns_match_exactly_the_range(first: int, more: int) -> None:
    last = min(first + more, 99999)
    patterns = [as_regex(pattern) for pattern in pbx.patterns(f"{first:05}-{last:05}")]
    for number in range(max(0, first - 20), min(99999, last + 20) + 1):
        matching = sum(bool(pattern.fullmatch(f"{number:05}")) for pattern in patterns)
        assert matching == (1 if first <= number <= last else 0), number


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ("20100-20199", ["_201XX"]),
        ("20000-29999", ["_2XXXX"]),
        ("20150-20179", ["_201[5-7]X"]),
        ("20195-20204", ["_2019[5-9]", "_2020[0-4]"]),
        ("00-99", ["_XX"]),
    ],
)
def test_a_block_is_one_pattern(numbers: str, wanted: list[str]) -> None:
    assert pbx.patterns(numbers) == wanted


UNSEEN = "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\x85\u2028"


@given(st.lists(st.sampled_from([*UNSEEN, "{", "secret:x}}", '"', ";", "\\", "a", " "]) | st.characters()).map("".join))
@example('Umum; "A" \\; ;-- {{{secret:x}}')
@example("{\u202e{secret:voip/20100}}")
def test_no_name_ends_its_value_early_or_names_a_secret(name: str) -> None:
    value = pbx.caller_id(Phone.model_construct(number="20100", name=name))  # as if no rule had looked at it
    assert value.startswith('"')
    assert value.endswith('" <20100>')
    inner = value[1 : -len('" <20100>')]
    assert '"' not in inner
    assert not re.search(r"(?<!\\);", inner), "an unescaped ; would begin a comment"
    assert "\\" not in inner.replace("\\;", "")
    assert "{{" not in inner
    assert not set(inner) & set(UNSEEN), "what turns the writing round, or ends a line, is on no screen"


def test_every_office_has_its_files_and_only_a_digest_of_each_password(
    region: Region, files: dict[str, Artifact]
) -> None:
    for opd in region.opds:
        numbers = [phone.number for phone in pbx.telephones(opd.phones)]
        for kind in ("endpoint", "auth", "aor"):
            content = files[f"{opd.code}.{kind}.conf"].content
            assert re.findall(r"^\[(\d+)\]\(", content, re.MULTILINE) == numbers
        auth = files[f"{opd.code}.auth.conf"].content
        for number in numbers:
            assert f"password_digest=MD5:{{{{ha1:{number}:{region.domain}:voip/{number}}}}}\n" in auth
    assert not any("{{secret:" in artifact.content for artifact in files.values())


def test_included_are_exactly_the_files_that_exist(files: dict[str, Artifact]) -> None:
    included = {
        name
        for artifact in files.values()
        for name in re.findall(r"^#tryinclude current/(\S+)$", artifact.content, re.MULTILINE)
    }
    assert included == {name for name in files if not name.startswith("_region.")}
    assert not any("*" in line for artifact in files.values() for line in artifact.content.split("\n") if "#" in line)


def test_an_office_dials_emergency_first_and_holds_no_pattern_of_its_own(
    region: Region, files: dict[str, Artifact]
) -> None:
    """Asterisk looks at a context's own extensions, then at its includes in their order."""
    for opd in region.opds:
        own = files[f"{opd.code}.dialplan.conf"].content.partition("[kominfo-numbers]")[0]
        assert own.split() == [
            f"[opd-{opd.code}]",
            *("include", "=>", "kominfo-emergency"),
            *("include", "=>", "kominfo-short-codes"),
            *("include", "=>", "kominfo-numbers"),
        ]
    emergency = files["_region.dialplan.conf"].content.partition("[kominfo-emergency]\n")[2].partition("\n[")[0]
    dialled = re.findall(r"^exten => (\S+),1,Goto\(kominfo-emergency-route", emergency, re.MULTILINE)
    assert dialled == list(region.numbering.emergency)


def test_softphones_may_come_from_anywhere_and_others_only_from_their_office(region: Region) -> None:
    opd = region.opd("dinkes")
    assert opd.phones
    soft = Phone(number="20150", name="Piket", place="softphone")
    phones = opd.phones.model_copy(update={"extensions": (*opd.phones.extensions, soft)})
    changed = region.model_copy(update={"opds": (opd.model_copy(update={"phones": phones}),)})
    files = {artifact.key: artifact.content for artifact in pbx.artifacts(changed)}
    endpoints = files["dc-pbx/dinkes.endpoint.conf"]
    assert "[20150](opd-dinkes)\n" in endpoints
    assert "[20100](opd-dinkes.inside)\n" in endpoints
    assert f"permit={opd.links[0].lan}\n" in endpoints.partition("[opd-dinkes.inside]")[2].partition("[201")[0]
    assert "deny" not in endpoints.partition("[opd-dinkes.inside]")[0]
    assert "[20150](kominfo-softphone)\n" in files["dc-pbx/dinkes.aor.conf"]


def test_an_office_without_a_network_lets_nobody_speak_for_its_telephones(region: Region) -> None:
    opd = region.opd("dinkes").model_copy(update={"links": ()})
    changed = region.model_copy(update={"opds": (opd,)})
    endpoints = {artifact.key: artifact.content for artifact in pbx.artifacts(changed)}["dc-pbx/dinkes.endpoint.conf"]
    inside = endpoints.partition("[opd-dinkes.inside]")[2].partition("[201")[0]
    assert inside.split("\n")[1:3] == ["deny=0.0.0.0/0", f"permit={region.station.address}/32"]
    assert inside.count("permit=") == 1


def test_nobody_is_served_without_a_digest(files: dict[str, Artifact]) -> None:
    """No endpoint for strangers, none but a declared trunk known by its address alone, nothing that leads outside."""
    modules = (ROLE / "modules.conf").read_text(encoding="utf-8")
    assert "autoload = no" in modules
    loaded = set(re.findall(r"^(?:pre)?load = (\S+)\.so$", modules, re.MULTILINE))
    assert {one for one in loaded if one.startswith("res_pjsip_endpoint_identifier")} == {
        "res_pjsip_endpoint_identifier_user",
        "res_pjsip_endpoint_identifier_ip",
    }
    assert not loaded & {"app_disa", "res_pjsip_outbound_registration", "app_originate", "chan_iax2", "app_system"}
    for name, artifact in files.items():
        assert not re.search(r"^type=(?!transport|global|endpoint|auth|aor)", artifact.content, re.MULTILINE), name
        for section in re.findall(r"^\[(\d+)\]\(opd-[^]]*?\)\n((?:.+\n)+)", artifact.content, re.MULTILINE):
            assert f"auth={section[0]},{section[0]}-old\n" in section[1]
    assert "[default]" not in "".join(artifact.content for artifact in files.values())


def test_a_group_rings_its_desks_and_the_test_extension_echoes(region: Region) -> None:
    opd = region.opd("dinkes")
    assert opd.phones
    group = Phone(number="20190", name="Semua", place="group")
    phones = opd.phones.model_copy(update={"extensions": (*opd.phones.extensions, group)})
    changed = region.model_copy(update={"opds": (opd.model_copy(update={"phones": phones}),)})
    dialplan = {artifact.key: artifact.content for artifact in pbx.artifacts(changed)}["dc-pbx/dinkes.dialplan.conf"]
    rung = [phone.number for phone in opd.phones.extensions if phone.place in {"reception", "desk"}]
    assert f"exten => 20190,1,Gosub(kominfo-group,s,1({'&'.join(f'PJSIP/{number}' for number in rung)}))" in dialplan
    assert "exten => 20198,1,Goto(kominfo-test,s,1)" in dialplan


def test_what_all_offices_share_are_patterns_alone(region: Region) -> None:
    """Asterisk walks over a whole context for each number that it adds: 10,000 mailboxes in one would cost a second."""
    opd = region.opd("dinkes")
    assert opd.phones
    boxes = tuple(one.model_copy(update={"voicemail": one.place == "desk"}) for one in opd.phones.extensions)
    changed = opd.model_copy(update={"phones": opd.phones.model_copy(update={"extensions": boxes})})
    files = {one.key: one.content for one in pbx.artifacts(region.model_copy(update={"opds": (changed,)}))}
    shared, _, own = files["dc-pbx/dinkes.dialplan.conf"].partition("[kominfo-numbers]\n")[2].partition("\n[")
    assert [line.partition(",")[0] for line in shared.strip().split("\n")] == ["exten => _201XX"] * 2
    boxed = [one.number for one in boxes if one.voicemail]
    assert boxed
    assert re.findall(r"^exten => (\d+),1,Gosub\(kominfo-mailbox,s,1\(\1\)\)$", own, re.MULTILINE) == boxed


def test_short_codes_ring_their_number() -> None:
    given = read_files(INVENTORY)
    name = next(name for name in given if name.endswith("region.yml"))
    given[name] = given[name].replace("numbering:\n", 'numbering:\n  short_codes: {"100": 20100}\n')
    files = {artifact.key: artifact.content for artifact in pbx.artifacts(assemble(given))}
    assert "exten => 100,1,Goto(kominfo-numbers,20100,1)" in files["dc-pbx/_region.dialplan.conf"]


def test_no_exchange_no_files(region: Region) -> None:
    without = region.model_copy(update={"servers": tuple(s for s in region.servers if s.name != "dc-pbx")})
    assert list(pbx.artifacts(without)) == []
