"""Words for people in their language: English stands in the code, Indonesian in the .po files here."""
