"""The public status page as files: Indonesian and English, CSV, JSON, and a DCAT description of the data. Pure.

Static on purpose: it stays up when the suite is down. What a static page cannot know is whether it is still fed, so
it says when it was made; a few lines of script grey it out when that is too long ago, and it says so without script.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ops.reports.public_facts import Incident, Office, Public, Service
from ops.texts import Language, words

TEMPLATES = Path(__file__).parent / "templates" / "public"
STALE_MINUTES = 35  # two publications of the demo calendar may fail
DATA: dict[str, type] = {"services": Service, "offices": Office, "incidents": Incident}
SHOWN = 60  # incidents on the page; the data hold all

SERVICES = {"offices": "Network of the offices", "telephones": "Telephones", "internet": "Internet"}
STATES = {
    "ok": "working",
    "partial": "partly disturbed",
    "down": "disturbed",
    "maintenance": "maintenance",
    "unknown": "not known",
}
CAUSES = {
    "fibre-cut": "An optical fibre cable is cut.",
    "no-light": "No signal arrives on the fibre to the office.",
    "port": "A fault of the equipment at the office.",
    "restart": "The power failed, or the equipment started anew.",
    "maintenance": "Maintenance that was planned.",
    "unknown": "The cause is not known yet.",
}


def site(told: Public) -> dict[str, bytes]:
    """Every file by its path in the folder."""
    found = {
        "index.html": _page(told, "id", "."),
        "en/index.html": _page(told, "en", ".."),
        "status.css": (TEMPLATES / "status.css").read_bytes(),
        "status.js": (TEMPLATES / "status.js").read_bytes(),
        "data/catalog.jsonld": _json(catalogue(told)),
    }
    for name, kind in DATA.items():
        rows = getattr(told, name)
        found[f"data/{name}.csv"] = _csv(kind, rows)
        found[f"data/{name}.json"] = _json({"made": _made(told), name: [asdict(one) for one in rows]})
    return found


def catalogue(told: Public) -> dict[str, Any]:
    """DCAT 3 as JSON-LD: one dataset per kind of row, each as CSV and as JSON."""
    texts, english = words("id"), words("en")

    def both(msg: str) -> list[dict[str, str]]:
        return [{"@language": "id", "@value": texts.text(msg)}, {"@language": "en", "@value": english.text(msg)}]

    titles = {
        "services": "State of the digital services of the regency",
        "offices": "Network state and availability of every office",
        "incidents": "Network interruptions of the last 90 days",
    }
    return {
        "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"},
        "@type": "dcat:Catalog",
        "dct:title": both("Open data on the state of the network"),
        "dct:publisher": told.region,
        "dct:modified": _made(told),
        "dcat:dataset": [
            {
                "@type": "dcat:Dataset",
                "@id": f"#{name}",
                "dct:title": both(titles[name]),
                "dct:modified": _made(told),
                "dct:accrualPeriodicity": "http://purl.org/cld/freq/continuous",
                "dct:spatial": told.region,
                "dcat:distribution": [_distribution(name, form) for form in ("csv", "json")],
            }
            for name in DATA
        ],
    }


def _distribution(name: str, form: str) -> dict[str, str]:
    media = {"csv": "text/csv", "json": "application/json"}[form]
    return {
        "@type": "dcat:Distribution",
        "dcat:downloadURL": f"{name}.{form}",
        "dcat:mediaType": f"https://www.iana.org/assignments/media-types/{media}",
    }


def _page(told: Public, language: Language, root: str) -> bytes:
    said = words(language)
    template = _environment().get_template("index.html.j2")
    tables = {"services": SERVICES, "states": STATES, "causes": CAUSES}
    text = template.render(
        s=told, w=said, lang=language, root=root, stale=STALE_MINUTES, made=_made(told), shown=SHOWN, **tables
    )
    return text.encode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _csv(kind: type, rows: Sequence[Any]) -> bytes:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(one.name for one in fields(kind))
    writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)
    return made.getvalue().encode()


def _cell(value: object) -> object:
    """None is empty; text that a spreadsheet would take for a formula is not."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _made(told: Public) -> str:
    return datetime.fromtimestamp(told.made, UTC).isoformat(timespec="seconds")
