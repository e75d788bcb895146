"""Documents that officials and auditors read: monthly reports, restitution, status page, annexes."""
