"""Reading an inventory: places, all problems at once, the same Region from any order, never a traceback."""

from __future__ import annotations

import shutil
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import InventoryInvalidError, Problem
from ops.inventory.document import parse
from ops.inventory.load import assemble, load, read_files
from ops.inventory.model import Region

ROOT = Path(__file__).parents[2]
BATUBARA = ROOT / "inventories/batubara"
SMALL = ROOT / "tests/contract/rules/base"
FILES = {str(path.relative_to(SMALL)): path.read_text(encoding="utf-8") for path in sorted(SMALL.rglob("*.yml"))}


def problems_of(files: dict[str, str]) -> list[Problem]:
    with pytest.raises(InventoryInvalidError) as refused:
        assemble(files)
    return refused.value.problems


def with_change(name: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[name]
    return FILES | {name: FILES[name].replace(old, new, 1)}


def test_the_regency_is_valid_and_whole() -> None:
    region = load(BATUBARA)
    assert len(region.opds) == 45
    assert sum(opd.kind == "kecamatan" for opd in region.opds) == 12
    assert {node.kecamatan for node in region.plant.nodes if node.kind == "pop"} == {
        opd.kecamatan for opd in region.opds if opd.kind == "kecamatan"
    }


def test_every_file_of_the_regency_says_what_is_invented() -> None:
    for path in [*BATUBARA.glob("*.yml"), *BATUBARA.glob("opd/*.yml")]:
        assert "INVENTED" in path.read_text(encoding="utf-8")[:400], path


@given(st.permutations(sorted(FILES)))
def test_order_of_files_never_matters(names: list[str]) -> None:
    assert assemble({name: FILES[name] for name in names}) == assemble(FILES)


def test_everything_declared_says_where() -> None:
    region = assemble(FILES)
    link = region.opd("alpha").links[0]
    assert link.at == "opd/alpha.yml:15:5"
    assert link.contract.at == "opd/alpha.yml:26:7"
    assert region.server("dc-db").at.startswith("hosts.yml:6:")


def test_a_misspelt_key_points_at_the_key_and_names_the_right_one() -> None:
    missing, problem = problems_of(with_change("opd/alpha.yml", "lan_ifname:", "lan_ifnam:"))
    assert (missing.at, missing.what) == ("opd/alpha.yml:15:5", "links[wan].lan_ifname: missing")
    assert (problem.at, problem.what) == ("opd/alpha.yml:24:5", "links[wan].lan_ifnam: unknown key")
    assert problem.hint == "did you mean lan_ifname?"


def test_a_wrong_value_points_at_the_value() -> None:
    (problem,) = problems_of(with_change("opd/alpha.yml", "lan: 10.41.1.0/24", "lan: 10.41.300.0/24"))
    assert str(problem).startswith("opd/alpha.yml:23:10 links[wan].lan: 10.41.300.0/24 is not an IPv4 network")


def test_all_problems_of_all_files_come_at_once_and_sorted() -> None:
    files = with_change("opd/alpha.yml", "km: 0.8", "km: -1")
    files |= {"opd/beta.yml": FILES["opd/beta.yml"].replace("kind: kecamatan", "kind: kecamatn")}
    files |= {"region.yml": FILES["region.yml"].replace("digits: 5", "digits: five")}
    problems = problems_of(files)
    assert [problem.at.split(":")[0] for problem in problems] == ["opd/alpha.yml", "opd/beta.yml", "region.yml"]
    assert problems == sorted(problems, key=lambda problem: problem.rank)
    assert problems[1].hint == "did you mean kecamatan?"


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("opd/alpha.yml", "kind: dinas", "kind: dinas\nkind: badan", "kind: written twice"),
        ("opd/alpha.yml", "rides: [s-01]", "rides: &r [s-01]", "&r: anchors and tags are not used here"),
        ("opd/alpha.yml", "rides: [s-01]", "rides: *r", "*r: aliases are not used here"),
        ("opd/alpha.yml", "rides: [s-01]", "rides: !!set {s-01}", "tag:yaml.org,2002:set: anchors and tags"),
        ("opd/alpha.yml", "code: alpha", "code: alpha\n? [a, b]\n: c", "a key must be a plain word"),
        ("opd/alpha.yml", "code: alpha", '"@": x\ncode: alpha', "@: not a key"),
        ("opd/alpha.yml", "code: alpha", "at: x\ncode: alpha", "at: unknown key"),
        ("opd/alpha.yml", "code: alpha", "code: alpha\n---\ncode: beta", "a second document in one file"),
        ("opd/alpha.yml", "code: alpha", "code: alfa", "code: alfa but the file is alpha.yml"),
        ("opd/alpha.yml", "code: alpha", f"code: alpha\nx: {'[' * 30}{']' * 30}", "nested deeper than"),
        ("opd/alpha.yml", "  - name: kantor", "\t- name: kantor", "not YAML: "),
        ("opd/alpha.yml", "routers:\n", "routers: none\nx:\n", "routers: a list is wanted here"),
        ("opd/alpha.yml", "code: alpha\n", "code:\n", "code: '' is not a code"),
        ("opd/alpha.yml", "name: Dinas Alpha\n", "", "name: missing"),
        ("opd/alpha.yml", "    km: 0.8", "    km: jauh", "links[wan].drop.km: 'jauh' must be a valid number"),
        ("hosts.yml", "{ansible_host: 10.40.0.12}", "{}", "dc-web.ansible_host: missing"),
        ("hosts.yml", "{ansible_host: 10.40.0.12}", "", "dc-web.ansible_host: missing"),
        ("hosts.yml", "10.40.0.12", "10.40.0.1200", "dc-web.address: 10.40.0.1200 is not an IPv4 address"),
        ("hosts.yml", "10.40.0.12}", "10.40.0.12, ansible_port: ssh}", "dc-web.ansible_port: 'ssh' is not a port"),
        ("hosts.yml", "web: {hosts", "web: {host", "all.children.datacentre.children.web.host: unknown key"),
        (
            "hosts.yml",
            "web: {hosts: ",
            "web: {hosts: x, vars: ",
            "all.children.datacentre.children.web.hosts: a mapping",
        ),
        ("drc.yml", "vault:\n", "vault: ~\nx:\n", "vault: a mapping of keys is wanted here"),
    ],
)
def test_refused_with_its_place(name: str, old: str, new: str, what: str) -> None:
    problems = problems_of(with_change(name, old, new))
    assert any(problem.what.startswith(what) for problem in problems), problems
    assert all(problem.at.startswith(f"{name}:") for problem in problems)


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "just words", "- a\n- b\n", "\0", "a: \x07"])
def test_a_file_without_a_mapping_is_one_clear_problem(text: str) -> None:
    problems = problems_of(FILES | {"opd/alpha.yml": text})
    assert len(problems) == 1
    assert problems[0].at.startswith("opd/alpha.yml:1:")


def test_scalars_stay_text() -> None:
    data = parse("x.yml", "a: 10:15:25:00:10:22\nb: 0123\nc: no\nd: 1.10\ne: ~\nf: 2027-01-01\ng:\n").data
    assert {key: value for key, value in data.items() if key != "@"} == {
        "a": "10:15:25:00:10:22",
        "b": "0123",
        "c": "no",
        "d": "1.10",
        "e": "~",
        "f": "2027-01-01",
        "g": "",
    }


_mutations = st.lists(
    st.tuples(
        st.sampled_from(sorted(FILES)),
        st.sampled_from(["insert", "delete", "replace", "drop-line", "double-line", "indent"]),
        st.integers(0, 10_000),
        st.text(
            st.sampled_from(string.printable + "é\x00\x85\u2028\ufeff🙂&*!{}[]:-#|>@`\"'%"), min_size=1, max_size=4
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(text: str, how: str, at: int, new: str) -> str:
    if how in ("insert", "delete", "replace"):
        at %= len(text) + 1
        return text[:at] + (new if how != "delete" else "") + text[at + (how != "insert") :]
    lines = text.splitlines(keepends=True) or [""]
    at %= len(lines)
    lines[at] = {"drop-line": "", "double-line": lines[at] * 2, "indent": "  " + lines[at]}[how]
    return "".join(lines)


@settings(max_examples=400, deadline=None)
@given(_mutations)
def test_any_accident_gives_a_region_or_problems_with_places(changes: list[tuple[str, str, int, str]]) -> None:
    files = dict(FILES)
    for name, how, at, new in changes:
        files[name] = mutated(files[name], how, at, new)
    try:
        region = assemble(files)
    except InventoryInvalidError as refused:
        problems = refused.problems
    else:
        problems = []
        assert isinstance(region, Region)
    for problem in problems:
        name, line, column = problem.at.rsplit(":", 2)
        assert name in files, problem
        assert 1 <= int(line) <= files[name].count("\n") + 5, problem
        assert int(column) >= 1
        assert problem.what.strip()
        assert "\n" not in problem.what, problem


def test_missing_and_stray_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "opd").mkdir()
    shutil.copytree(SMALL / "sounds", tmp_path / "sounds")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert load(tmp_path).opds == load(SMALL).opds or len(load(tmp_path).opds) == 2
    (tmp_path / "drc.yml").unlink()
    (tmp_path / "opd/gamma.yaml").write_text("code: gamma\n", encoding="utf-8")
    (tmp_path / "opd/delta.yml").write_bytes(b"code: delta\nname: \xff\n")
    (tmp_path / "opd/.swap").write_text("", encoding="utf-8")
    with pytest.raises(InventoryInvalidError) as refused:
        read_files(tmp_path)
    said = {problem.at.removeprefix(f"{tmp_path}/"): problem.what for problem in refused.value.problems}
    assert said == {
        "drc.yml:1:1": "file not found",
        "opd/gamma.yaml:1:1": "not read: an office is a file <code>.yml",
        "opd/delta.yml:2:1": "the text is not UTF-8",
    }


def test_names_of_files_are_as_a_person_standing_there_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert "inventories/batubara/opd/dinkes.yml" in read_files(BATUBARA)
