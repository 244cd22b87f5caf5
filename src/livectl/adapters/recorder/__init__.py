"""The embedded recorder: a child process per recording, hidden in the room, writes the file.

`embedded` is the port and runs in the server; `__main__` is the child, which knows nothing of the
server. Between them is a folder in the spool, and nothing else: so a recording outlives whoever
started it, and any process of the host can ask for it, stop it and finish it.
"""
