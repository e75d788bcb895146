"""What all tests share: where the project stands, and the honest skip of tests that need root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
# A busy machine is no fault of the code. Where a test names no number: OPS_EXAMPLES=1000 looks longer.
settings.register_profile("ops", deadline=None, max_examples=int(os.environ.get("OPS_EXAMPLES", "40")))
settings.load_profile("ops")
NEEDED = ("mmdebstrap", "systemd-nspawn", "nft", "ip", "tc")
# Left out of `make test`, which has twenty minutes: the same was shown there in a shorter way, or by a benchmark.
# `make test-long` runs them too. Beginnings of what pytest calls them.
LONG = (
    "tests/contract/test_backup_by_host.py::test_a_run_that_was_cut_off_is_told_by_the_next_one",
    "tests/contract/test_backup_by_host.py::test_a_thief_s_junk_is_told_and_keeps_nothing_from_being_counted[200",
    "tests/contract/test_backup_by_host.py::test_its_clock_is_not_trusted",
    "tests/contract/test_backup_by_host.py::test_what_was_counted_cannot_be_said_again",
    "tests/contract/test_backup_cancel.py::test_a_lock_that_a_living_restic_holds_stays",
    "tests/contract/test_backup_cancel.py::test_so_it_does_when_its_station_is_killed",
    "tests/contract/test_backup_cancel.py::test_the_next_backup_removes_the_lock_of_a_killed_one",
    "tests/contract/test_drill_faults.py::test_a_full_repository_takes_no_backup_and_says_why",
    "tests/contract/test_drill_faults.py::test_a_state_has_its_class[key file flip]",
    "tests/contract/test_drill_faults.py::test_every_other_state_has_its_class_too",
    "tests/contract/test_drill_inject_own.py::test_our_own_drill_sees_every_other_fault_too",
    "tests/contract/test_drill_inject_own.py::test_a_check_that_sees_nothing_is_not_believed[clock",
    "tests/contract/test_drill_mariadb.py::test_a_database_that_is_not_there_saves_nothing",
    "tests/contract/test_drill_mariadb.py::test_damage_is_named_by_its_class",
    "tests/contract/test_drill_mariadb.py::test_it_is_proven_row_by_row_although_others_wrote[dumped",
    "tests/contract/test_drill_ransomware.py::test_a_tree_that_was_encrypted_is_red_also_after_the_next_backup[.x]",
    "tests/contract/test_drill_ransomware.py::test_one_canary_that_changed_is_enough[<lambda>1]",
    "tests/contract/test_drill_ransomware.py::test_one_canary_that_changed_is_enough[<lambda>2]",
    "tests/contract/test_drill_ransomware.py::test_what_was_encrypted_before_the_first_backup_ever_tells_by_its_names[.brain]",
    "tests/contract/test_drill_ransomware.py::test_where_no_earlier_backup_is_left_the_hosts_own_figures_speak",
    "tests/contract/test_drill_ransomware.py::test_what_was_encrypted_before_the_first_backup_ever_tells_by_its_names[]",
    "tests/contract/test_drill_repository.py::test_locks_are_judged_though_no_drill_needs_one[long junk]",
    "tests/contract/test_drill_repository.py::test_locks_are_judged_though_no_drill_needs_one[stale exclusive]",
    "tests/contract/test_drill_ransomware.py::test_one_canary_that_changed_is_enough[<lambda>0",
    "tests/contract/test_drill_repository.py::test_newer_snapshots_change_nothing_but_are_named[5--flood",
    "tests/contract/test_drill_resumed.py::test_a_killed_drill_goes_on_and_repeats_nothing_that_was_finished[kill1]",
    "tests/contract/test_drill_resumed.py::test_a_killed_drill_goes_on_and_repeats_nothing_that_was_finished[kill2]",
    "tests/contract/test_drill_resumed.py::test_a_killed_drill_goes_on_and_repeats_nothing_that_was_finished[kill4]",
    "tests/contract/test_drill_server_copy.py::test_damage_is_named_by_its_class[lacking",
    "tests/contract/test_drill_server_copy.py::test_damage_is_named_by_its_class[without_log",
    "tests/contract/test_drill_verify_newer.py::test_a_good_repository_is_green",
    "tests/contract/test_drill_verify_newer.py::test_the_other_faults_have_theirs",
    "tests/contract/test_loopback.py::test_a_drill_of_a_damaged_vault_is_not_proven",
    "tests/contract/test_loopback.py::test_the_demonstration_as_an_ordinary_user",
    "tests/contract/test_loopback.py::test_queues_of_all_routers_are_applied_and_servers_are_named",
    "tests/contract/test_plain_ansible.py::test_playbooks_are_clean_by_the_strictest_profile",
    "tests/contract/test_poll_series.py::test_at_two_percent_loss_nobody_fails",
    "tests/contract/test_prune.py::test_many_runs_of_one_day",
    "tests/contract/test_provision_engine.py::test_a_role_s_handlers_are_made_up_for_too",
    "tests/contract/test_provision_fast.py",
    "tests/contract/test_run_chaos.py",
    "tests/contract/test_run_engine.py::test_a_second_worker_of_the_same_name_is_refused[postgresql",
    "tests/contract/test_run_scheduler.py::test_every_tick_of_a_week_and_more_comes_once[postgresql",
    "tests/contract/test_run_takeover.py::test_a_cancelled_run_of_a_killed_worker_is_cancelled[postgresql",
    "tests/contract/test_run_takeover.py::test_a_database_that_is_away_for_a_while",
    "tests/contract/test_run_takeover.py::test_a_killed_workers_runs_go_to_another[postgresql",
    "tests/contract/test_run_takeover.py::test_a_paused_worker_that_nobody_replaced_goes_on_itself",
    "tests/contract/test_run_takeover.py::test_a_run_goes_on_although_the_process_that_processes_are_copies_of[postgresql",
    "tests/contract/test_run_takeover.py::test_a_run_survives_an_upgrade_in_the_middle[postgresql",
    "tests/contract/test_run_takeover.py::test_a_run_that_the_new_version_does_not_take_waits_for_the_old_one",
    "tests/contract/test_run_takeover.py::test_a_worker_that_goes_in_order_leaves_its_runs_to_others[postgresql",
    "tests/contract/test_run_takeover.py::test_a_worker_that_is_killed_and_started_again_goes_on[postgresql",
    "tests/system/test_dashboards_schema.py",
    "tests/system/test_dhcp_servers.py",
    "tests/system/test_linphone.py",
    "tests/system/test_backup_and_drill.py::test_a_host_backs_up_by_itself_and_the_station_counts_it",
    "tests/system/test_cancel.py::test_a_backup[dokumen-dinkes-15",
    "tests/system/test_cancel.py::test_a_backup[dokumen-dinkes-9",
    "tests/system/test_cancel.py::test_a_backup[simpus-15",
    "tests/system/test_cancel.py::test_a_provision",
    "tests/system/test_cancel.py::test_the_next_backup_clears_up_after_a_restic_that_was_killed",
    "tests/system/test_config_and_drift.py::test_a_check_of_some_offices_is_of_them_alone",
    "tests/system/test_fibre_notices.py::test_a_cut_is_one_notification_in_any_order_with_a_late_cause_and_after_a_restart[100",
    "tests/system/test_jobs.py::test_drift_configurations_and_reports_are_jobs",
    "tests/system/test_provision_trouble.py::test_a_network_that_is_cut_while_a_firewall_is_on_trial",
    "tests/system/test_provision_trouble.py::test_a_retry_touches_only_what_is_unfinished",
    "tests/system/test_provisioning.py::test_looking_only_finds_nothing_to_do_either",
    "tests/system/test_service_drills.py::test_a_killed",
    "tests/system/test_service_drills.py::test_a_standby",
    "tests/system/test_service_drills.py::test_files",
    "tests/system/test_suite_service.py",
    "tests/system/test_throughput_live.py",
    "tests/system/test_training.py::test_it_can_be_solved_and_only_then_counts[fibre-cut",
    "tests/system/test_trouble.py::test_one_contract_touches_one_router",
    "tests/system/test_trouble.py::test_a_host_that_is_down_fails_alone_and_is_named",
    "tests/system/test_twin_machines.py::test_a_killed_image_build",
    "tests/system/test_twin_machines.py::test_a_killed_up_is_cleaned_by_down",
    "tests/system/test_twin_machines.py::test_a_lossy_link_loses_packets_of_that_office_only",
    "tests/system/test_twin_machines.py::test_a_name_in_use_by_another_state_folder_is_refused",
    "tests/system/test_twin_machines.py::test_corrupt_repo_changes_bytes_of_a_pack_and_says_which",
    "tests/system/test_vault_care.py",
    "tests/system/test_voip_second.py",
    "tests/system/test_voip_twin.py",
    "tests/unit/backup/test_sqlite_source.py::test_a_copy_taken_while_others_write_is_of_one_moment",
    "tests/unit/test_calendar.py::test_a_week_of_batubara_with_two_who_ask[1",
    "tests/unit/test_calendar.py::test_a_week_of_batubara_with_two_who_ask[2",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long ones are left out of whole runs, and counted; those who name one get it."""
    named = any("::" in word for word in config.args) or os.environ.get("OPS_LONG")
    left_out = [] if named else [item for item in items if item.nodeid.startswith(LONG)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    _need_root(items)


def _need_root(items: list[pytest.Item]) -> None:
    """Tests marked `system` need root and real machines; elsewhere they skip and say exactly why."""
    missing = [
        program for program in NEEDED if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None
    ]
    reason = "needs root (network namespaces, containers)" if os.geteuid() else f"needs {', '.join(missing)}"
    if os.geteuid() == 0 and not missing:
        return
    for item in items:
        if "system" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
