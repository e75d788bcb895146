"""The state of the regency at one moment: what is declared, what was measured, what ran. Never green on missing data."""
