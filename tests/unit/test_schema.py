"""The JSON Schemas against our real files, read the way an editor reads them; the docs against the model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ops.inventory import schema

ROOT = Path(__file__).parents[2]
BATUBARA = ROOT / "inventories/batubara"


class _Core(yaml.SafeLoader):
    """YAML 1.2's core schema, which yaml-language-server goes by: no sexagesimals, no `no` for false, no dates."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 # PyYAML's own way


for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_form})$"), list(_first))
_Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))
_Core.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def as_an_editor(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Core)


def validator(kind: str) -> jsonschema.Draft202012Validator:
    made = schema.schemas()[kind]
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("folder", [BATUBARA, ROOT / "tests/contract/rules/base"], ids=lambda path: path.name)
def test_real_files_are_valid(folder: Path) -> None:
    for kind in ("region", "fibre", "drc", "schedules"):
        validator(kind).validate(as_an_editor(folder / f"{kind}.yml"))
    office = validator("opd")
    paths = sorted((folder / "opd").glob("*.yml"))
    assert paths
    for path in paths:
        office.validate(as_an_editor(path))


@pytest.mark.parametrize(
    ("kind", "break_it", "where"),
    [
        ("opd", lambda data: data.update(lan="x"), []),
        ("opd", lambda data: data["links"][0].pop("lan"), ["links", 0]),
        ("opd", lambda data: data.update(kind="dinass"), ["kind"]),
        ("opd", lambda data: data["links"][0]["contract"].update(download="50"), ["links", 0, "contract", "download"]),
        ("opd", lambda data: data.update({"@": "x"}), []),
        ("fibre", lambda data: data["segments"][0].update(km=0), ["segments", 0, "km"]),
        ("region", lambda data: data["numbering"].update(digits=9), ["numbering", "digits"]),
        ("region", lambda data: data["policies"]["freezes"][0].update(since="2026-01-01"), ["policies", "freezes", 0]),
        ("region", lambda data: data["policies"].update(second_person=["gates"]), ["policies", "second_person", 0]),
        ("opd", lambda data: data.update(maintenance=["mon-fri 18-22"]), ["maintenance", 0]),
        ("schedules", lambda data: data["schedules"][0].update(cron="0 1 * *"), ["schedules", 0, "cron"]),
        (
            "schedules",
            lambda data: data["schedules"][0].update(args={"opd": {"a": "b"}}),
            ["schedules", 0, "args", "opd"],
        ),
        ("drc", lambda data: data["vault"].update(port=70_000), ["vault", "port"]),
    ],
)
def test_mistakes_are_seen(kind: str, break_it: Any, where: list[object]) -> None:
    path = BATUBARA / ("opd/dinkes.yml" if kind == "opd" else f"{kind}.yml")
    data = as_an_editor(path)
    break_it(data)
    errors = list(validator(kind).iter_errors(data))
    assert [list(error.absolute_path) for error in errors] == [where]


def test_schemas_are_plain_json() -> None:
    assert "@" not in json.loads(json.dumps(schema.schemas()))["opd"]["properties"]


def test_docs_hold_every_key_of_the_model() -> None:
    text = (ROOT / "docs/inventory.md").read_text(encoding="utf-8")
    held = text.split("<!-- begin: every key -->\n")[1].split("<!-- end: every key -->")[0]
    assert held.strip() == schema.reference().strip(), "put the output of `ops schema --markdown` between the marks"
