"""Upstreams: what the regency buys, how full it is and who fills it."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Choice, Query, age, figure, lines, rows

HERE = '{upstream="$upstream"}'
FULL = ((None, GREEN), (0.8, AMBER), (0.95, RED))
_PORT = "opd, site, device, ifname"


def _shares(way: str) -> str:
    """The ten offices that use most of the upstream, by the link whose contract is over it."""
    return (
        f"topk(10, sum by (opd) (opd_link:{way}_bits:rate5m * on ({_PORT}) group_left (upstream) "
        f"max by ({_PORT}, upstream) (opd_link_info{HERE})))"
    )


BOARD = Board(
    "kominfo-upstreams",
    "Upstreams",
    "Use of what the regency buys, both ways: by the port that faces the provider, or as the sum of its offices.",
    (
        (
            "Now",
            (
                figure("Bought", "By the inventory, each way.", "bps",
                       f"opd_upstream_bandwidth_bytes_per_second{HERE} * 8", width=5),
                figure("Download in use", "Of the last five minutes.", "percentunit",
                       f"upstream:receive_use:ratio5m{HERE}", *FULL, width=5),
                figure("Upload in use", "Of the last five minutes.", "percentunit",
                       f"upstream:transmit_use:ratio5m{HERE}", *FULL, width=5),
                figure("Sold over it", "Contracted download of all offices, over what is bought.", "percentunit",
                       f"sum(opd_contract_download_bytes_per_second * on ({_PORT}) group_left () opd_link_info{HERE})"
                       f" / sum(opd_upstream_bandwidth_bytes_per_second{HERE})", width=5),
                age("opd_upstream_bandwidth_bytes_per_second", "the exporter told the contracts"),
            ),
        ),
        (
            "Course",
            (
                lines("Download", "By its own port, or as the sum of its offices; against what is bought.", "bps",
                      Query(f"upstream:receive_bits:rate5m{HERE}", "download by {{source}}"),
                      Query(f"opd_upstream_bandwidth_bytes_per_second{HERE} * 8", "bought"), width=12),
                lines("Upload", "By its own port, or as the sum of its offices; against what is bought.", "bps",
                      Query(f"upstream:transmit_bits:rate5m{HERE}", "upload by {{source}}"),
                      Query(f"opd_upstream_bandwidth_bytes_per_second{HERE} * 8", "bought"), width=12),
                lines("95th percentile of 30 days", "As most providers charge it.", "bps",
                      Query(f"upstream:receive_bits:p95_30d{HERE}", "download by {{source}}"),
                      Query(f"upstream:transmit_bits:p95_30d{HERE}", "upload by {{source}}")),
                lines("Highest five minutes", "Of each hour.", "bps",
                      Query(f"upstream:receive_bits:max1h{HERE}", "download by {{source}}"),
                      Query(f"upstream:transmit_bits:max1h{HERE}", "upload by {{source}}")),
                lines("Minutes at the limit", "Minutes of each hour above 90 %.", "m",
                      Query(f"upstream:receive_saturated:minutes1h{HERE}", "download by {{source}}"),
                      Query(f"upstream:transmit_saturated:minutes1h{HERE}", "upload by {{source}}")),
                lines("Carried in 30 days", "Bytes each way.", "bytes",
                      Query(f"upstream:receive_bytes:sum30d{HERE}", "download by {{source}}"),
                      Query(f"upstream:transmit_bytes:sum30d{HERE}", "upload by {{source}}"), width=24),
            ),
        ),
        (
            "Who fills it",
            (
                rows("Download", "The ten offices that take most now.", "bps", _shares("receive"), width=12),
                rows("Upload", "The ten offices that send most now.", "bps", _shares("transmit"), width=12),
            ),
        ),
    ),
    (Choice("upstream", "Upstream", "opd_upstream_bandwidth_bytes_per_second", "upstream"),),
    hours=24,
)  # fmt: skip
