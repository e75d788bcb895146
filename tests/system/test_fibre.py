"""A cut in the twin is named by `ops fibre status`, from what Prometheus holds and the way that packets really go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ops.system import http, netns

pytestmark = pytest.mark.system

PROMETHEUS = "http://10.40.0.14:9090"


def until(true: Callable[[], Any], seconds: float = 150) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(2)
    return found


def fault(regency, kind: str, segment: str) -> None:  # type: ignore[no-untyped-def]
    regency.ops("twin", "fault", kind, segment, "--name", regency.name, "-q")


def suspects(regency) -> dict[str, float]:  # type: ignore[no-untyped-def]
    with netns.inside(f"{regency.name}.station"):
        rows = http.get_json(f"{PROMETHEUS}/api/v1/query", {"query": "opd_fibre_segment_suspect"})["data"]["result"]
    return {row["metric"]["segment"]: float(row["value"][1]) for row in rows}


def test_a_cut_segment_is_named_and_so_are_two(applied, exporter: str) -> None:  # type: ignore[no-untyped-def]
    def status() -> dict[str, Any]:
        return applied.json("fibre", "status")

    def serving() -> bool:
        with netns.inside(f"{applied.name}.station"):
            return http.answers(f"{exporter}/healthz")

    until(serving)
    until(lambda: (now := status())["source"] == "Prometheus" and not now["suspects"])
    try:
        fault(applied, "cut-segment", "r1-03")  # everybody has a way round: nothing is dark
        # the first ways that are seen to have changed leave others open
        told = until(lambda: set((now := status())["suspects"]) == {"r1-03"} and now)
        assert told["segments"]["r1-03"] == "suspect"
        assert told["incidents"][0]["dark"] == []
        fault(applied, "cut-segment", "r1-02")  # pop-datuk-limapuluh is cut off
        told = until(lambda: (now := status())["incidents"] and len(now["incidents"][0]["dark"]) == 3 and now)
        assert told["incidents"][0]["explanations"][0]["cut"] == ["r1-02", "r1-03"]
        until(lambda: {"r1-02", "r1-03"} == {name for name, share in suspects(applied).items() if share > 0.9})
    finally:
        fault(applied, "mend-segment", "r1-02")
        fault(applied, "mend-segment", "r1-03")
