"""The state of the regency at one moment: declared, measured, run, proven. Never green on missing data."""
