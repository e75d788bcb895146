"""Light as network devices show it on their command lines: one file per platform, with the TextFSM templates."""
