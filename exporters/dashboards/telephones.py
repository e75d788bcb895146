"""The telephones (VoIP), by the test calls between offices."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

PAIR = "{{from_opd}} → {{to_opd}}"
DAY = 86_400.0

BOARD = Board(
    "kominfo-telephones",
    "Telephones (VoIP)",
    "Test calls between offices: whether they were good, how they sounded and how old they are (docs/telephony.md).",
    (
        (
            "Now",
            (
                figure("Pairs tried", "Pairs of offices with a test call.", "short", "count(opd_call_test_ok)"),
                figure("Pairs that failed", "Their last test call was bad in either direction.", "short",
                       "count(opd_call_test_ok) - sum(opd_call_test_ok)", (None, GREEN), (1.0, RED)),
                figure("Worst score", "Mean opinion score, 1 to 4.4; from 4 on people are content.", "none",
                       "min(opd_call_test_mos)", (None, RED), (3.6, AMBER), (4.0, GREEN)),
                figure("Slowest to ring", "From INVITE to answer.", "s", "max(opd_call_test_setup_seconds)",
                       (None, GREEN), (1.0, AMBER), (3.0, RED)),
                figure("Oldest test call", "Since the pair that was not tried for longest.", "s",
                       "time() - min(opd_call_test_timestamp_seconds)", (None, GREEN), (2 * DAY, AMBER),
                       (7 * DAY, RED)),
                age("opd_call_test_timestamp_seconds", "the exporter told the test calls"),
            ),
        ),
        (
            "Pairs",
            (
                rows("Bad calls", "The last test call of each pair; 0 was bad.", "bool_on_off",
                     "sort(opd_call_test_ok)", (None, RED), (1.0, GREEN)),
                rows("Score", "The worst sounding first.", "none", "sort(opd_call_test_mos)",
                     (None, RED), (3.6, AMBER), (4.0, GREEN)),
                rows("Age", "The longest untried first.", "s", "sort_desc(time() - opd_call_test_timestamp_seconds)",
                     (None, GREEN), (2 * DAY, AMBER)),
            ),
        ),
        (
            "Course",
            (
                lines("Score", "Of the worse direction.", "none", Query("opd_call_test_mos", PAIR)),
                lines("Jitter", "Of the sound that arrived.", "s", Query("opd_call_test_jitter_seconds",
                                                                        PAIR + " {{direction}}")),
                lines("Packets lost", "Of the sound of one call.", "short", Query("opd_call_test_lost_packets",
                                                                                PAIR + " {{direction}}")),
                lines("Time to answer", "From INVITE to answer.", "s", Query("opd_call_test_setup_seconds", PAIR)),
                lines("Tone", "Level of the test tone that arrived; about −20 dB is as it was sent.", "dB",
                      Query("opd_call_test_tone_level_dbfs", PAIR + " {{direction}}")),
                lines("Good pairs", "Of all pairs tried.", "percentunit", Query("avg(opd_call_test_ok)", "good")),
            ),
        ),
    ),
    hours=7 * 24,
)  # fmt: skip
