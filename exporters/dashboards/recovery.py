"""Backups, drills and the jobs that make them."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

DAY = 86_400.0
OFFICE = "opd_job_office_last_success_timestamp_seconds"
KIND = "opd_job_last_success_timestamp_seconds"
FRESH = ((None, GREEN), (1.1 * DAY, AMBER), (2 * DAY, RED))
MONTHS = ((None, GREEN), (31 * DAY, AMBER), (92 * DAY, RED))

BOARD = Board(
    "kominfo-recovery",
    "Backups and drills",
    "How old the last good backup and the last proven restore of each office are, and the jobs behind them.",
    (
        (
            "Now",
            (
                figure("Oldest backup", "The office whose last good backup is the oldest.", "s",
                       f'time() - min({OFFICE}{{kind="backup"}})', *FRESH),
                figure("Last drill", "Since a drill last proved a restore.", "s",
                       f'time() - max({KIND}{{kind="drill"}})', *MONTHS),
                figure("Kinds that failed", "Kinds of job whose last run failed.", "short",
                       "count(opd_job_last_result) - sum(opd_job_last_result)", (None, GREEN), (1.0, RED)),
                figure("Workers", "That take up jobs.", "short", "opd_job_workers", (None, RED), (1.0, GREEN)),
                figure("Overdue", "How long the longest waiting job is overdue.", "s", "opd_job_oldest_waiting_seconds",
                       (None, GREEN), (600.0, AMBER), (7200.0, RED)),
                age("opd_job_database_up", "the job database was asked"),
            ),
        ),
        (
            "Offices",
            (
                rows("Age of backups", "Seconds since the office's last good backup, the oldest first.", "s",
                     f'sort_desc(time() - max by (opd) ({OFFICE}{{kind="backup"}}))', *FRESH, width=12),
                rows("Age of drills", "Seconds since a drill proved the office's restore.", "s",
                     f'sort_desc(time() - max by (opd) ({OFFICE}{{kind="drill"}}))', *MONTHS, width=12),
            ),
        ),
        (
            "Jobs",
            (
                rows("Last result", "1 went well, 0 failed.", "bool_on_off", "sort(opd_job_last_result)",
                     (None, RED), (1.0, GREEN)),
                rows("Last success", "Seconds since each kind of job last went well.", "s",
                     f"sort_desc(time() - {KIND})"),
                lines("Jobs that have not ended", "By state.", "short", Query("opd_job_runs", "{{state}}")),
                lines("Audit rows", "Number of the newest: it only grows.", "short",
                      Query("opd_job_audit_rows", "rows")),
                lines("Results not told", "That the alert channels have not taken yet.", "short",
                      Query("opd_job_messages_left", "left")),
                lines("Job database", "1 while it answers.", "bool_on_off", Query("opd_job_database_up", "answers")),
            ),
        ),
    ),
    hours=48,
)  # fmt: skip
