"""The fibre plant: what is cut, what light is left, what gets dark soon."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

DAYS = "opd_fibre_days_to_threshold"
CUT = "opd_fibre_segment_suspect > 0.15 or opd_fibre_segment_likeliest"  # as the alert FibreSegmentCut
NO_CUT = "nothing is suspected of a cut"

BOARD = Board(
    "kominfo-fibre",
    "Fibre plant",
    "Segments that are suspected of a cut, links by what is seen of them, margins and trends (docs/fibre.md).",
    (
        (
            "Now",
            (
                figure("Segments suspected", "0 only when the plant was judged.", "short",
                       f"count({CUT}) or 0 * max(opd_fibre_judged_timestamp_seconds)",
                       (None, GREEN), (1.0, RED)),
                figure("Links dark", "Links without light and without an answer.", "short",
                       'opd_fibre_links{state="dark"}', (None, GREEN), (1.0, RED)),
                figure("Links on a detour", "The ring carries them another way: one more cut may darken them.", "short",
                       'opd_fibre_links{state="detour"}', (None, GREEN), (1.0, AMBER)),
                figure("Links nobody knows about", "Nothing is measured of them.", "short",
                       'opd_fibre_links{state="unknown"}', (None, GREEN), (1.0, AMBER)),
                figure("Least light left", "The worst link's margin.", "dB", "min(opd_fibre_margin_db)",
                       (None, RED), (3.0, AMBER), (6.0, GREEN)),
                age("opd_fibre_judged_timestamp_seconds", "the plant was judged"),
            ),
        ),
        (
            "Cuts",
            (
                rows("Suspected segments", "How likely each is cut, 0 to 1.", "percentunit",
                     "sort_desc(opd_fibre_segment_suspect)", (None, AMBER), (0.5, RED), may_be_empty=NO_CUT),
                rows("Behind a cut", "Links that are dark because of it.", "short", "opd_fibre_behind_cut",
                     (None, RED), width=8, may_be_empty=NO_CUT),
                rows("On a detour", "Links whose packets do not take the declared way.", "short",
                     "opd_fibre_detour == 1", (None, AMBER), may_be_empty="every link is on its declared way"),
                lines("Links by what is seen of them", "Whole, detour, lit, dark, unknown.", "short",
                      Query("opd_fibre_links", "{{state}}"), width=24),
            ),
        ),
        (
            "Light",
            (
                rows("Least light left", "Thirty links, the worst first.", "dB",
                     "sort(bottomk(30, opd_fibre_margin_db))", (None, RED), (3.0, AMBER), (6.0, GREEN), width=12),
                rows("Dark soon", "Days until dimming light is too weak; only links whose light falls for good.", "d",
                     f"sort({DAYS})", (None, RED), (60.0, AMBER), (180.0, GREEN), width=12,
                     may_be_empty="nothing dims for good"),
                lines("Margin", "Of every link, against time.", "dB",
                      Query("opd_fibre_margin_db", "{{opd}} {{ifname}}"), width=12),
                lines("Received against the budget", "Above 0 is more light than the loss budget promises.",
                      "dB", Query("opd_optical_receive_power_dbm - opd_optical_budget_receive_power_dbm",
                                  "{{opd}} {{ifname}}"), width=12),
                lines("Temperature of modules", "The ten hottest.", "celsius",
                      Query("topk(10, opd_optical_temperature_celsius)", "{{opd}} {{ifname}}"), width=12),
                lines("Bias of lasers", "The ten that take the most.", "amp",
                      Query("topk(10, opd_optical_bias_amperes)", "{{opd}} {{ifname}}"), width=12),
            ),
        ),
    ),
    hours=24,
)  # fmt: skip
