"""An office's month: by the region's clock, to the second, and joined by office."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from exporters.usage import FIELDS, Usage, expression, month


@pytest.mark.parametrize(
    ("year", "number", "days", "end"),
    [(2026, 2, 28, 1772298000), (2024, 2, 29, 1709226000), (2026, 12, 31, 1798736400)],
)
def test_a_month_begins_and_ends_at_the_regions_midnight(year: int, number: int, days: int, end: int) -> None:
    """1772298000 is 2026-02-28 17:00 UTC, which is midnight in Jakarta."""
    said = expression("sum_over_time", "opd:receive_bytes:increase1h", year, number, "Asia/Jakarta")
    assert said == f"sum_over_time(opd:receive_bytes:increase1h[{days * 86_400}s] @ {end})"


def test_a_percentile_says_which() -> None:
    said = expression(*FIELDS["receive_p95_bps"], 2026, 11, "Asia/Jakarta")
    assert said.startswith("quantile_over_time(0.95, opd:receive_bits:rate5m[2592000s] @ ")


class Prometheus(BaseHTTPRequestHandler):
    """Answers every query with as many bytes as the query has signs; knows rsud's totals only."""

    def do_GET(self) -> None:
        (asked,) = parse_qs(urlsplit(self.path).query)["query"]
        offices = ["dinkes", "rsud"] if "increase1h" in asked else ["dinkes"]
        rows = [{"metric": {"opd": code}, "value": [0, str(len(asked))]} for code in offices]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_figures_are_joined_by_office_and_none_is_made_up() -> None:
    with HTTPServer(("127.0.0.1", 0), Prometheus) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found = month(f"http://127.0.0.1:{server.server_port}", 2026, 11, "Asia/Jakarta")
        server.shutdown()
        thread.join()
    assert found["dinkes"].receive_p95_bps == len(expression(*FIELDS["receive_p95_bps"], 2026, 11, "Asia/Jakarta"))
    totals = (found["rsud"].received_bytes, found["rsud"].sent_bytes)
    assert None not in totals
    assert found["rsud"] == Usage(*totals)
