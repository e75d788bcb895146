"""What the inventory promises of a link, beside what is measured: bandwidth, latency, the light that should arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporters.collectors.contract import Port
from exporters.series import Recipes, Series, series
from ops.inventory.watched import WatchedPort


class Declared(Recipes):
    def series(self, port: Port) -> Iterator[Series]:
        if isinstance(port.watched, WatchedPort):
            return
        link, labels = port.watched.link, port.labels
        contract = link.contract
        told = {
            "opd_contract_download_bytes_per_second": contract.download / 8,
            "opd_contract_upload_bytes_per_second": contract.upload / 8,
            "opd_contract_latency_seconds": contract.latency,
            "opd_optical_budget_receive_power_dbm": port.expected_dbm,
        }
        for name, value in told.items():
            yield series(name, labels, (), _constant(value))
        about = labels | {"link": link.name, "upstream": contract.upstream}
        yield series("opd_link_info", about, (), _constant(1))


def _constant(value: float | None) -> Callable[[], float | None]:
    return lambda: value


COLLECTOR = Declared()
