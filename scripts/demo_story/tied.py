"""Runs a command whose life is tied to its parent's: `python tied.py SIGNAL PARENT COMMAND...`.

Must import nothing that is slow to load. When the parent dies, however it dies, the kernel sends SIGNAL.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command."""
    signal, parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal))
        if os.getppid() != int(parent):  # it died before the kernel was asked to tell
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - without a shell is the point


if __name__ == "__main__":
    main()
