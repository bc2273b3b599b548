"""Plays the service manager's part of socket activation (sd_listen_fds(3)):

    python3 activate.py dns=7 dns=8 http=9 -- svcdnsd ...

becomes svcdnsd, with the descriptors 7, 8 and 9 as 3, 4 and 5, and $LISTEN_FDS, $LISTEN_FDNAMES and $LISTEN_PID set.
$ACTIVATE_PID and $ACTIVATE_FDS stand in for what would be told."""

import fcntl
import os
import sys

FIRST = 3


def main(arguments):
    at = arguments.index("--")
    names = [argument.split("=")[0] for argument in arguments[:at]]
    passed = [int(argument.split("=")[1]) for argument in arguments[:at]]
    # Copied up first: a descriptor may stand where another one goes.
    copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST + len(passed)) for fd in passed]
    for n, fd in enumerate(copies):
        os.dup2(fd, FIRST + n, inheritable=True)
    os.environ["LISTEN_PID"] = os.environ.pop("ACTIVATE_PID", str(os.getpid()))
    os.environ["LISTEN_FDS"] = os.environ.pop("ACTIVATE_FDS", str(len(passed)))
    os.environ["LISTEN_FDNAMES"] = ":".join(names)
    os.execv(arguments[at + 1], arguments[at + 1 :])


main(sys.argv[1:])
