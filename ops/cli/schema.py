"""ops schema: JSON Schemas of the inventory's files, so that an editor completes and checks while one types."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.cli.screen import Screen
from ops.errors import OpsError

HELP = "write JSON Schemas of the inventory's files, for editors"
EPILOG = """\
example: ops schema --write .schemas
then begin an office's file with
  # yaml-language-server: $schema=../../../.schemas/opd.json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write", type=Path, metavar="DIR", help="write one file for each kind: region.json, opd.json, …"
    )
    parser.add_argument("--markdown", action="store_true", help="every key as a table (docs/inventory.md holds it)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    import json  # noqa: PLC0415

    from ops.inventory import schema  # noqa: PLC0415 # the inventory's types cost 0.2 s

    if args.markdown:
        screen.say(schema.reference())
        return 0
    made = schema.schemas()
    if args.write is None:
        screen.as_json = True
        screen.data(made)
        return 0
    try:
        args.write.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            (args.write / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OpsError(f"{args.write}: {error.strerror}", "name a folder that you may write to") from None
    for name, (file, _) in schema.FILES.items():
        screen.say(f"{args.write / name}.json  for {file}")
    screen.data({"written": [str(args.write / f"{name}.json") for name in made]})
    return 0
