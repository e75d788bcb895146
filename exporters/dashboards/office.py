"""One office (OPD): its line against its contract, its light, its way, its backups and calls."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Choice, Query, age, figure, lines, rows, since

DAY = 86_400.0
HERE = '{opd="$opd"}'


def _bits(way: str) -> str:
    return f"rate(opd_interface_{way}_bytes_total{HERE}[$__rate_interval]) * 8"


def _rates(name: str) -> tuple[Query, ...]:
    return tuple(
        Query(f"rate(opd_interface_{way}_{name}_total{HERE}[$__rate_interval])", f"{way} {{{{ifname}}}}")
        for way in ("receive", "transmit")
    )


BOARD = Board(
    "kominfo-office",
    "Office (OPD)",
    "Everything that is measured of one office.",
    (
        (
            "Now",
            (
                figure("Router answers", "1 when every router of the office answers.", "bool_on_off",
                       f"min(opd_poll_up{HERE})", (None, RED), (1.0, GREEN)),
                figure("Download against the contract", "Of the last five minutes.", "percentunit",
                       f"opd:receive_use:ratio5m{HERE}", (None, GREEN), (0.8, AMBER), (0.95, RED)),
                figure("Upload against the contract", "Of the last five minutes.", "percentunit",
                       f"opd:transmit_use:ratio5m{HERE}", (None, GREEN), (0.8, AMBER), (0.95, RED)),
                figure("Light left", "Above the weakest that the receiver takes, of the worst link.", "dB",
                       f"min(opd_fibre_margin_db{HERE})", (None, RED), (3.0, AMBER), (6.0, GREEN)),
                figure("Last good backup", "How long ago.", "s",
                       since('max(opd_job_office_last_success_timestamp_seconds{kind="backup", opd="$opd"})'),
                       (None, GREEN), (1.1 * DAY, AMBER), (2 * DAY, RED)),
                age(f"opd_poll_up{HERE}", "the office's routers were polled"),
            ),
        ),
        (
            "The line",
            (
                lines("Download", "Seen from the office, against its contract.", "bps",
                      Query(_bits("receive"), "{{ifname}}"),
                      Query(f"opd_contract_download_bytes_per_second{HERE} * 8", "contract {{ifname}}"), width=12),
                lines("Upload", "Seen from the office, against its contract.", "bps",
                      Query(_bits("transmit"), "{{ifname}}"),
                      Query(f"opd_contract_upload_bytes_per_second{HERE} * 8", "contract {{ifname}}"), width=12),
                lines("Minutes at the limit", "Minutes of each hour above 90 % of the contract.", "m",
                      Query(f"opd:receive_saturated:minutes1h{HERE}", "download"),
                      Query(f"opd:transmit_saturated:minutes1h{HERE}", "upload")),
                lines("95th percentile of 30 days", "As most providers charge it.", "bps",
                      Query(f"opd:receive_bits:p95_30d{HERE}", "download"),
                      Query(f"opd:transmit_bits:p95_30d{HERE}", "upload")),
                lines("Carried in 30 days", "Bytes each way.", "bytes",
                      Query(f"opd:receive_bytes:sum30d{HERE}", "download"),
                      Query(f"opd:transmit_bytes:sum30d{HERE}", "upload")),
                lines("Round trip", "Median from the data centre to the router, with its jitter.", "s",
                      Query(f"opd_link_latency_seconds{HERE}", "round trip {{ifname}}"),
                      Query(f"opd_link_jitter_seconds{HERE}", "jitter {{ifname}}"),
                      Query(f"opd_contract_latency_seconds{HERE}", "contract {{ifname}}")),
                lines("Packets lost", "Share of echo requests lost, mean of five minutes.", "percentunit",
                      Query(f"avg_over_time(opd_link_packet_loss_ratio{HERE}[5m])", "{{ifname}}")),
                lines("Errors", "Packets a second that arrived broken or could not be sent.", "pps", *_rates("errors")),
                lines("Thrown away", "Packets a second that a full queue let go.", "pps", *_rates("discards")),
            ),
        ),
        (
            "The light",
            (
                lines("Light received", "With what the loss budget promises and where the module alarms.", "dBm",
                      Query(f"opd_optical_receive_power_dbm{HERE}", "received {{ifname}}"),
                      Query(f"opd_optical_budget_receive_power_dbm{HERE}", "by the budget {{ifname}}"),
                      Query(f"opd_optical_power_low_alarm_dbm{HERE}", "alarm {{ifname}}")),
                lines("Light sent", "What the office's module sends.", "dBm",
                      Query(f"opd_optical_transmit_power_dbm{HERE}", "{{ifname}}")),
                lines("Laser", "A bias current that rises at the same light is a laser that ages.", "amp",
                      Query(f"opd_optical_bias_amperes{HERE}", "{{ifname}}")),
                lines("Module's temperature", "Most modules are made for up to 70 °C.", "celsius",
                      Query(f"opd_optical_temperature_celsius{HERE}", "{{ifname}}")),
                lines("Dark", "1 while no light arrives.", "bool_on_off",
                      Query(f"opd_optical_rx_loss{HERE}", "{{ifname}}")),
                lines("Port is up", "1 while the port is operationally up.", "bool_on_off",
                      Query(f"opd_interface_up{HERE}", "{{device}} {{ifname}}")),
            ),
        ),
        (
            "Calls",
            (
                rows("Last test calls", "1 was good both ways.", "bool_on_off",
                     'opd_call_test_ok{from_opd="$opd"} or opd_call_test_ok{to_opd="$opd"}', (None, RED), (1.0, GREEN),
                     width=12, may_be_empty="no test call with this office was made yet"),
                rows("Jobs for this office", "Seconds since each kind of job last went well.", "s",
                     since(f"max by (kind) (opd_job_office_last_success_timestamp_seconds{HERE})"), width=12),
            ),
        ),
    ),
    (Choice("opd", "Office", "opd_poll_up", "opd"),),
)  # fmt: skip
