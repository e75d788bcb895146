"""A working copy of an inventory on this machine: `up`, `status`, `down`."""
