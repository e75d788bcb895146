"""What runs on source hosts and on the drill server: standard library only, sent by `ops.system.hostpython`.

These modules are an exception to the rule that only ops.system starts programs: on their machine they *are* the door.
"""
