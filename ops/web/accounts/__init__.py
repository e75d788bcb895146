"""Who may come in: users, sessions, second factors, wall devices, and how often somebody may try."""
