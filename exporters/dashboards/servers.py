"""The data centre's hosts, the exporter and Prometheus themselves."""

from __future__ import annotations

from exporters.dashboards.board import AMBER, GREEN, RED, Board, Query, age, figure, lines, rows

DISK = 'node_filesystem_{}_bytes{{fstype!~"tmpfs|ramfs|squashfs|iso9660"}}'
USED = "1 - " + DISK.format("avail") + " / " + DISK.format("size")
IDLE = 'rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval])'
NET = 'rate(node_network_{}_bytes_total{{device!="lo"}}[$__rate_interval]) * 8'

BOARD = Board(
    "kominfo-servers",
    "Servers",
    "Hosts of the data centre and the recovery site, and what measures them.",
    (
        (
            "Now",
            (
                figure("Hosts", "That Prometheus asks.", "short", 'count(up{job="node"})'),
                figure("Hosts that do not answer", "Their node exporter is silent.", "short",
                       'count(up{job="node"}) - sum(up{job="node"})', (None, GREEN), (1.0, RED)),
                figure("Fullest disk", "Of all hosts.", "percentunit", f"max({USED})",
                       (None, GREEN), (0.8, AMBER), (0.9, RED)),
                figure("Clocks", "The clock that is furthest off.", "s", "max(abs(node_timex_offset_seconds))",
                       (None, GREEN), (0.1, AMBER), (1.0, RED)),
                figure("Drifted", "Things that are not as the last run left them, on all hosts.", "short",
                       "sum(opd_drift_items)", (None, GREEN), (1.0, AMBER)),
                age('up{job="node"}', "the hosts were asked"),
            ),
        ),
        (
            "Hosts",
            (
                lines("Processor", "Share of all cores in use.", "percentunit",
                      Query(f"1 - avg by (instance) ({IDLE})", "{{instance}}")),
                lines("Memory", "Share in use; what the kernel would give back counts as free.", "percentunit",
                      Query("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")),
                lines("Disk", "Share in use, by file system.", "percentunit",
                      Query(USED, "{{instance}} {{mountpoint}}")),
                lines("Load", "Of one minute, for each core.", "short",
                      Query(f"node_load1 / on (instance) count by (instance) ({IDLE})", "{{instance}}")),
                lines("Network", "Received (download) and sent of all ports but lo.", "bps",
                      Query(NET.format("receive"), "{{instance}} {{device}} in"),
                      Query(NET.format("transmit"), "{{instance}} {{device}} out")),
                lines("Disk at work", "Share of time that a disk was busy.", "percentunit",
                      Query("rate(node_disk_io_time_seconds_total[$__rate_interval])", "{{instance}} {{device}}")),
                rows("Drift by host", "What the last sweep found (docs/drift.md).", "short",
                     "sort_desc(sum by (host, opd) (opd_drift_items))", (None, GREEN), (1.0, AMBER), width=12),
                rows("Last sweep", "Seconds since the host was looked at.", "s",
                     "sort_desc(time() - opd_drift_sweep_timestamp_seconds)", (None, GREEN), (93600.0, RED), width=12),
            ),
        ),
        (
            "What measures",
            (
                lines("Cycle of all devices", "Time that a poll of all routers took.", "s",
                      Query("opd_exporter_cycle_seconds", "cycle")),
                lines("Memory of the exporter and Prometheus", "Resident memory.", "bytes",
                      Query("process_resident_memory_bytes", "{{job}} {{instance}}")),
                lines("Series", "Held by Prometheus.", "short", Query("prometheus_tsdb_head_series", "series")),
                lines("Packets sent again", "SNMP packets to each router sent again, in an hour.", "short",
                      Query("topk(10, delta(opd_poll_retries[1h]))", "{{device}}")),
                lines("Poll of a router", "The ten slowest.", "s",
                      Query("topk(10, opd_poll_duration_seconds)", "{{device}}")),
                lines("Read over SSH", "Devices whose light no SNMP tells, and those left alone for a while.", "short",
                      Query("opd_cli_devices", "read"), Query("opd_cli_suspended_devices", "left alone")),
            ),
        ),
    ),
)  # fmt: skip
