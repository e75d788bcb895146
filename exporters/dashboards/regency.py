"""The wall: is the regency whole, and what is worst."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows, since

DAY = 86_400.0
UP = 'max by (opd) (opd_poll_up{opd!=""})'
CUT = "opd_fibre_segment_suspect > 0.15 or opd_fibre_segment_likeliest"  # as the alert FibreSegmentCut
BAD_IF_ANY = ((None, GREEN), (1.0, RED))

BOARD = Board(
    "kominfo-regency",
    "Regency wall",
    "Offices, fibre, telephones, backups and drills of the whole regency; the worst first.",
    (
        (
            "Now",
            (
                figure("Offices", "Offices with a router that is polled.", "short", f"count({UP})"),
                figure(
                    "Offices that do not answer",
                    "Offices none of whose routers answers over SNMP.",
                    "short",
                    f"count({UP}) - sum({UP})",
                    *BAD_IF_ANY,
                ),
                figure(
                    "Segments cut",
                    "Fibre segments that are suspected of a cut (docs/fibre.md); 0 only when the plant was judged.",
                    "short",
                    f"count({CUT}) or 0 * max(opd_fibre_judged_timestamp_seconds)",
                    *BAD_IF_ANY,
                ),
                figure(
                    "Test calls that failed",
                    "Pairs of offices whose last test call was bad in either direction.",
                    "short",
                    "count(opd_call_test_ok) - sum(opd_call_test_ok)",
                    *BAD_IF_ANY,
                ),
                figure(
                    "Oldest backup",
                    "The office whose last good backup is the oldest.",
                    "s",
                    since('min(opd_job_office_last_success_timestamp_seconds{kind="backup"})'),
                    (None, GREEN),
                    (1.1 * DAY, AMBER),
                    (2 * DAY, RED),
                ),
                age("opd_poll_up", "the routers were polled"),
            ),
        ),
        (
            "Worst first",
            (
                rows(
                    "Office answers",
                    "1 when any router of the office answers; those that do not come first.",
                    "bool_on_off",
                    f"sort({UP})",
                    (None, RED),
                    (1.0, GREEN),
                ),
                rows(
                    "Light left",
                    "Light received above the weakest that the receiver takes: the fifteen links with the least.",
                    "dB",
                    "bottomk(15, max by (opd, ifname) (opd_fibre_margin_db))",
                    (None, RED),
                    (3.0, AMBER),
                    (6.0, GREEN),
                ),
                rows(
                    "Use of the contract",
                    "Download of the last five minutes against the contract: the fifteen fullest offices.",
                    "percentunit",
                    "topk(15, opd:receive_use:ratio5m)",
                    (None, GREEN),
                    (0.8, AMBER),
                    (0.95, RED),
                ),
                rows(
                    "Alerts",
                    "What Prometheus is alarmed about now.",
                    "short",
                    'ALERTS{alertstate="firing", severity!="none"}',
                    (None, RED),
                    width=12,
                    may_be_empty="nothing is wrong",
                ),
                rows(
                    "Packets lost",
                    "Share of echo requests lost in ten minutes: the fifteen worst links.",
                    "percentunit",
                    "topk(15, avg_over_time(opd_link_packet_loss_ratio[10m]))",
                    (None, GREEN),
                    (0.02, AMBER),
                    (0.1, RED),
                    width=12,
                    may_be_empty="no way is measured in a twin without root",
                ),
            ),
        ),
        (
            "Course",
            (
                lines("Offices that answer", "Of all offices with a router.", "short", Query(f"sum({UP})", "answer"),
                      Query(f"count({UP})", "all")),
                lines("Traffic of all offices", "Sum of all offices' fibre ports.", "bps",
                      Query("sum(opd:receive_bits:rate5m)", "download"),
                      Query("sum(opd:transmit_bits:rate5m)", "upload")),
                lines("Links by what is seen of them", "Whole, on a detour, lit, dark or unknown (docs/fibre.md).",
                      "short",
                      Query("opd_fibre_links", "{{state}}")),
            ),
        ),
    ),
    refresh="10s",
)  # fmt: skip
