"""The telephones (VoIP): exchanges, registrations, calls and trunks, and the test calls between offices."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

PAIR = "{{from_opd}} → {{to_opd}}"
DAY = 86_400.0

BOARD = Board(
    "kominfo-telephones",
    "Telephones (VoIP)",
    "What the exchanges say of telephones, calls and trunks, and the test calls between offices (docs/telephony.md).",
    (
        (
            "Exchanges and telephones",
            (
                figure("Exchanges that answer", "Of those that the region declares.", "short", "sum(opd_exchange_up)",
                       (None, RED), (1.0, GREEN)),
                figure("Registered", "Share of the declared telephones that are registered now.", "percentunit",
                       "sum(opd_phone_registered) / sum(opd_phone_configured)", (None, RED), (0.8, AMBER),
                       (0.95, GREEN)),
                figure("Missing", "Declared telephones that are not registered.", "short",
                       "sum(opd_phone_configured) - sum(opd_phone_registered)"),
                figure("Strangers", "Registrations of extensions that nobody declares.", "short",
                       "sum(opd_exchange_stale_contacts)", (None, GREEN), (1.0, AMBER)),
                figure("Release in force", "Since the youngest of the exchanges' releases was taken up.", "s",
                       "time() - max(opd_exchange_release_timestamp_seconds)"),
                age("opd_exchange_up", "an exchange was asked"),
                rows("Missing by office", "Declared telephones that are not registered, the most first.", "short",
                     "sort_desc(opd_phone_configured - opd_phone_registered)", (None, GREEN), (1.0, AMBER)),
                rows("Registered at", "Telephones by exchange.", "short", "opd_exchange_registered"),
                lines("Round trip", "Between exchange and telephones, median and 95 %.", "s",
                      Query("opd_phone_qualify_seconds", "{{opd}} {{quantile}}")),
            ),
        ),
        (
            "Calls",
            (
                lines("Calls", "By the caller's office and result, a second.", "ops",
                      Query("sum by (opd, result) (rate(opd_calls_total[$__rate_interval]))", "{{opd}} {{result}}")),
                lines("Over the trunks", "Calls now, and what the contract gives.", "short",
                      Query("opd_trunk_channels", "{{trunk}}"), Query("opd_trunk_channels_max", "{{trunk}} at most"),
                      may_be_empty="no trunk is declared"),
                lines("Wrong passwords", "Requests a second that were refused.", "ops",
                      Query("rate(opd_phone_wrong_password_total[$__rate_interval])", "{{opd}}")),
                lines("Experience", "Asterisk's media experience score, 0 to 100, of the worst tenth and of the half.",
                      "none", Query("opd_call_quality_mes", "{{opd}} {{direction}} {{quantile}}")),
                lines("Jitter of calls", "Median of the last five minutes.", "s",
                      Query("opd_call_quality_jitter_seconds", "{{opd}} {{direction}}")),
                lines("Lost in calls", "Mean share of lost packets of the last five minutes.", "percentunit",
                      Query("opd_call_quality_lost_ratio", "{{opd}} {{direction}}")),
            ),
        ),
        (
            "Test calls",
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
            "Course of the test calls",
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
