"""Backups, drills and the jobs that make them."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

DAY = 86_400.0
OFFICE = "opd_job_office_last_success_timestamp_seconds"
KIND = "opd_job_last_success_timestamp_seconds"
FRESH = ((None, GREEN), (1.1 * DAY, AMBER), (2 * DAY, RED))
RATIO = ((None, GREEN), (0.8, AMBER), (1.0, RED))  # of what the office may lose or wait
MONTHS = ((None, GREEN), (31 * DAY, AMBER), (92 * DAY, RED))

BOARD = Board(
    "kominfo-recovery",
    "Backups and drills",
    "What is proven, how old backups and proven restores are, and the jobs behind them.",
    (
        (
            "Coverage",
            (
                figure("Proven services", "With a backup within its RPO and a green drill of the last 90 days, of all "
                       "that are declared.", "percentunit", "opd_backup_services_proven / opd_backup_services_declared",
                       (None, RED), (0.5, AMBER), (1.0, GREEN)),
                figure("Not proven", "Services that are declared and count as unprotected.", "short",
                       "opd_backup_services_declared - opd_backup_services_proven", (None, GREEN), (1.0, RED)),
                figure("Red drills", "Sets whose newest drill did not prove.", "short",
                       'count(opd_drill_state) - sum(opd_drill_state{class="none"})', (None, GREEN), (1.0, RED)),
                figure("Canaries changed", "Files that nobody has a reason to touch, in the newest backups.", "short",
                       "sum(opd_backup_canaries_changed)", (None, GREEN), (1.0, RED)),
                figure("Unknown keys", "In the repositories, that nobody registered.", "short",
                       "sum(opd_repo_unknown_keys)", (None, GREEN), (1.0, RED)),
                age("opd_backup_ledger_up", "the ledger was read"),
                rows("Unprotected", "Services that do not count, and why.", "short",
                     "opd_backup_service_proven == 0", (None, RED),
                     may_be_empty="every declared service is proven"),
                rows("Failover proven", "1 when a failover drill of the last 365 days was green.", "bool_on_off",
                     "sort(opd_service_failover_proven)", (None, RED), (1.0, GREEN),
                     may_be_empty="no service is declared"),
                rows("Services", "Class of the newest drill of a whole service; none is good.", "short",
                     "opd_service_drill_state == 1", may_be_empty="no service was drilled"),
            ),
        ),
        (
            "Sets",
            (
                rows("Backup against RPO", "Age of the newest backup by the age that it may have, the oldest first.",
                     "percentunit", "sort_desc((time() - opd_backup_last_success_timestamp_seconds)"
                     " / opd_backup_rpo_target_seconds)", *RATIO),
                rows("Restore against RTO", "Of the newest drill: from declared to verified.", "percentunit",
                     "sort_desc(opd_drill_rto_seconds / opd_drill_rto_target_seconds)", *RATIO),
                rows("Loss against RPO", "Of the newest drill: the work that would have been lost.", "percentunit",
                     "sort_desc(opd_drill_rpo_seconds / opd_drill_rpo_target_seconds)", *RATIO),
                rows("Age of proof", "Seconds since a drill last proved the set, the oldest first.", "s",
                     "sort_desc(time() - opd_drill_last_green_timestamp_seconds)", *MONTHS),
                rows("Class", "Of the newest drill; none is good.", "short", "opd_drill_state == 1"),
                rows("Second copy", "Seconds since the repository was copied, the oldest first.", "s",
                     "sort_desc(time() - opd_backup_copy_timestamp_seconds)", *FRESH,
                     may_be_empty="no second copy was made"),
                rows("Rotten files", "Of the repositories, at the last scan.", "short",
                     "sort_desc(opd_repo_rotten_files)", (None, GREEN), (1.0, RED),
                     may_be_empty="no repository was scanned"),
                rows("Pruned", "Seconds since snapshots of the set were removed, the oldest first.", "s",
                     "sort_desc(time() - opd_prune_last_timestamp_seconds)", may_be_empty="none was pruned"),
                rows("Planted faults", "1 when the drill saw the fault that was planted last.", "bool_on_off",
                     "sort(opd_drill_inject_seen)", (None, RED), (1.0, GREEN), may_be_empty="none was planted"),
            ),
        ),
        (
            "Course of sets",
            (
                lines("Speed of restores", "Of green drills, bytes a second.", "Bps",
                      Query("opd_drill_restore_bytes_per_second", "{{service}}")),
                lines("Changed files", "Share that changed or went between two backups.", "percentunit",
                      Query("opd_backup_changed_ratio", "{{service}}")),
                lines("Encrypted files", "Share that began to look encrypted between two backups.", "percentunit",
                      Query("opd_backup_encrypted_ratio", "{{service}}")),
            ),
        ),
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
