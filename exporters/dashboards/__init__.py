"""Grafana's dashboards: one file each with a `BOARD`, data only. `tools/dashboards.py` writes them as `json/*.json`,
which is what the role `grafana` ships; nothing here needs Grafana or its SDK.
"""
