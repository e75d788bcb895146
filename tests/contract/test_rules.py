"""Every rule, found by folder scan, against its examples: small changes to the region in rules/base.

A good example passes all rules. A bad one makes its rule say `says`, and the place points at the text `points_at`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ops.errors import InventoryInvalidError
from ops.inventory import rules
from ops.inventory.document import Document, parse
from ops.inventory.finding import locate
from ops.inventory.load import assemble, join_unchecked

HERE = Path(__file__).parent / "rules"
BASE = {
    str(path.relative_to(HERE / "base")): path.read_text(encoding="utf-8") for path in (HERE / "base").rglob("*.yml")
}


def examples(kind: str) -> list[object]:
    found = []
    for name in rules.found():
        path = HERE / f"{name}.yml"
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))[kind] if path.is_file() else []
        found += [pytest.param(name, example, id=f"{name}-{at}") for at, example in enumerate(listed)]
    return found


def changed(example: dict[str, str]) -> dict[str, str]:
    text = BASE[example["in"]]
    assert text.count(example["instead_of"]) >= 1, "the example does not fit the base region"
    return BASE | {example["in"]: text.replace(example["instead_of"], example["write"], 1)}


@pytest.mark.parametrize("name", rules.found())
def test_every_rule_has_a_good_and_a_bad_example(name: str) -> None:
    path = HERE / f"{name}.yml"
    assert path.is_file(), f"write {path}: one good and one bad example of the rule"
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert listed["good"]
    assert listed["bad"]
    assert rules.found()[name].__module__.endswith(name)


def test_no_example_is_left_of_a_rule_that_is_gone() -> None:
    assert {path.stem for path in HERE.glob("*.yml")} <= set(rules.found())


def test_the_base_region_is_valid() -> None:
    assert len(assemble(BASE).opds) == 2


@pytest.mark.parametrize(("name", "example"), examples("good"))
def test_good(name: str, example: dict[str, str]) -> None:
    region, documents = join_unchecked(changed(example))
    assert locate(rules.found()[name](region), documents) == []


@pytest.mark.parametrize(("name", "example"), examples("bad"))
def test_bad(name: str, example: dict[str, str]) -> None:
    files = changed(example)
    region, documents = join_unchecked(files)
    found = locate(rules.found()[name](region), documents)
    fitting = [problem for problem in found if problem.what.startswith(example["says"])]
    assert fitting, f"said instead: {[problem.what for problem in found]}"
    file, line, column = fitting[0].at.rsplit(":", 2)
    assert files[file].splitlines()[int(line) - 1][int(column) - 1 :].startswith(example["points_at"]), fitting[0].at
    assert fitting[0].hint
    with pytest.raises(InventoryInvalidError) as refused:
        assemble(files)
    assert fitting[0] in refused.value.problems


def test_a_thing_that_was_not_read_is_still_named() -> None:
    region, _ = join_unchecked(BASE)
    document: Document = parse("nothing.yml", "a: b")
    finding = rules.Finding(region.opds[0].links[0], "lan", "is wrong")
    assert locate([finding], {"nothing.yml": document})[0].what == "lan: is wrong"
