"""One exercise a file: SCENARIO."""
