"""What the inventory promises of a link, beside what is measured: bandwidth, latency, the light that should arrive."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample


class Declared:
    def oids(self, _port: Port) -> Iterable[str]:
        return []

    def samples(self, port: Port, _reading: Reading) -> Iterable[Sample]:
        contract = port.watched.link.contract
        yield port.sample("opd_contract_download_bytes_per_second", contract.download / 8)
        yield port.sample("opd_contract_upload_bytes_per_second", contract.upload / 8)
        yield port.sample("opd_contract_latency_seconds", contract.latency)
        if port.expected_dbm is not None:
            yield port.sample("opd_optical_budget_receive_power_dbm", port.expected_dbm)


COLLECTOR = Declared()
