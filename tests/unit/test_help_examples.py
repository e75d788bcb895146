"""What `ops VERB --help` shows as an example is taken by the command line."""

from __future__ import annotations

import re
import shlex

import pytest

from ops.cli.main import build_parser, verbs

SHOWN = [
    (name, re.split(r"\s{2,}|\s+(?:&&|\||<|>|#|;)", line.strip())[0])
    for name, module in verbs().items()
    for line in getattr(module, "EPILOG", "").splitlines()
    if line.strip().startswith(f"ops {name} ") and "…" not in line
]


@pytest.mark.parametrize(("verb", "example"), SHOWN, ids=[example for _, example in SHOWN])
def test_every_example_is_understood(verb: str, example: str) -> None:
    build_parser().parse_args(shlex.split(example)[1:])


def test_examples_are_found() -> None:
    assert len({verb for verb, _ in SHOWN}) > 10
