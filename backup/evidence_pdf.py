"""The evidence page as PDF, made when somebody asks for it: laying pages out costs more than a small drill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backup import proof
from ops.errors import DrillFailedError, OpsError


def write(record: Path, to: Path, trusted: str = "") -> Path:
    """Lay out the page of a record. DrillFailedError when its evidence does not hold: nobody prints a forgery."""
    if wrong := proof.problems(record, trusted):
        raise DrillFailedError("; ".join(wrong[:3]), "this evidence must not be relied on; keep it as it is")
    from weasyprint import HTML  # type: ignore[import-untyped]  # noqa: PLC0415 # 0.6 s

    page = HTML(filename=str(record.with_suffix(".html")), url_fetcher=_nothing)
    fresh = to.with_name(to.name + ".new")
    try:
        page.write_pdf(fresh)
        fresh.replace(to)
    except OSError as error:
        raise OpsError(f"{to}: {error.strerror}") from None
    return to


def _nothing(url: str, *_args: Any, **_more: Any) -> dict[str, Any]:
    """The page holds all that it needs; nothing is fetched for it."""
    raise ValueError(f"{url[:60]} is not fetched")
