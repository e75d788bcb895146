"""The promise of every file in ops/derive, run over all of them."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import ops.derive
from ops.inventory.load import assemble, load, read_files
from ops.inventory.model import Opd, Region
from ops.plan.change import REGION_SCOPE, Artifact
from ops.reconcile import derive, targets
from ops.system.secrets import Secrets

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "inventories/batubara"
TITLE = Opd.model_fields["name"].metadata  # how a free line of text is declared
MODULES = [found.name for found in pkgutil.iter_modules(ops.derive.__path__)]


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


def derived(name: str, region: Region) -> list[Artifact]:
    return list(importlib.import_module(f"ops.derive.{name}").artifacts(region))


@pytest.mark.parametrize("name", MODULES)
def test_same_input_gives_same_bytes(name: str, region: Region) -> None:
    files = read_files(INVENTORY)
    shuffled = assemble(dict(reversed(files.items())))
    assert sorted(map(repr, derived(name, region))) == sorted(map(repr, derived(name, shuffled)))


@pytest.mark.parametrize("name", MODULES)
def test_every_artefact_names_the_line_it_follows_from(name: str, region: Region) -> None:
    found = derived(name, region)
    assert found
    for artifact in found:
        file, line = artifact.because.split(":")[:2]
        text = (
            (Path.cwd() / file).read_text(encoding="utf-8") if not Path(file).is_absolute() else Path(file).read_text()
        )
        assert 1 <= int(line) <= len(text.splitlines()), artifact


@pytest.mark.parametrize("name", MODULES)
def test_keys_are_unique_and_well_formed(name: str, region: Region) -> None:
    found = derived(name, region)
    keys = [(artifact.kind, artifact.key) for artifact in found]
    assert len(keys) == len(set(keys))
    codes = {opd.code for opd in region.opds} | {REGION_SCOPE}
    assert {artifact.scope for artifact in found} <= codes
    assert {artifact.kind for artifact in found} <= targets().keys()


@pytest.mark.parametrize("name", MODULES)
def test_an_office_that_is_removed_takes_all_of_its_own_with_it_and_nothing_else(name: str, region: Region) -> None:
    gone = region.opds[0].code
    without = region.model_copy(update={"opds": region.opds[1:]})
    before = {artifact.key: artifact for artifact in derived(name, region)}
    after = {artifact.key: artifact for artifact in derived(name, without)}
    assert not any(artifact.scope == gone for artifact in after.values())
    assert {key: value for key, value in before.items() if value.scope not in {gone, REGION_SCOPE}} == {
        key: value for key, value in after.items() if value.scope != REGION_SCOPE
    }


@pytest.mark.parametrize("name", MODULES)
def test_no_declared_text_names_a_secret(name: str, region: Region) -> None:
    def typed(model: Any) -> Any:
        """The model with a secret's name in every free text."""
        changed = {}
        for key, field in type(model).model_fields.items():
            value = getattr(model, key)
            if isinstance(value, BaseModel):
                changed[key] = typed(value)
            elif isinstance(value, tuple):
                changed[key] = tuple(typed(one) if isinstance(one, BaseModel) else one for one in value)
            elif isinstance(value, str) and field.metadata == TITLE:
                changed[key] = "{{{secret:canary}} {{ha1:a:b:canary}}"
        return model.model_copy(update=changed)

    hostile = region.model_copy(update={"opds": tuple(typed(opd) for opd in region.opds)})
    assert hostile.opds[0].name != region.opds[0].name
    assert [one.key for one in derived(name, hostile) if "canary" in "".join(Secrets.named(one.content))] == []


def test_one_offices_contract_touches_only_that_office(region: Region) -> None:
    opd = region.opds[3]
    link = opd.links[0]
    contract = link.contract.model_copy(update={"download": link.contract.download + 1_000_000})
    changed = opd.model_copy(update={"links": (link.model_copy(update={"contract": contract}), *opd.links[1:])})
    other = region.model_copy(update={"opds": tuple(changed if one.code == opd.code else one for one in region.opds)})
    before, after = set(derive(region)), set(derive(other))
    touched = before ^ after
    assert {artifact.scope for artifact in touched} == {opd.code}
    assert "router-queue" in {artifact.kind for artifact in touched}
