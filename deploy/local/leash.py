"""Executes a program that dies with its parent: `leash.py --parent PID --signal N [identity] -- PROGRAM …`.

A file of its own, run by path with nothing but the standard library, because what it does must happen between fork and
exec, and Python code there is unsafe in a process that has threads.

Identity is one of: nothing (stay who we are), `--userns UID` (stay the same user outside, appear as UID inside a user
namespace), `--uid UID --gid GID` (become that user for good).
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
PARENT_GONE = 125


def _checked(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _enter_user_namespace(libc: ctypes.CDLL, uid: int) -> None:
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    _checked(libc.unshare(CLONE_NEWUSER), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outside_uid} 1"),
        ("gid_map", f"{uid} {outside_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def main(arguments: list[str]) -> None:
    """Take the identity, tie the life of this process to its parent's, and become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--userns", type=int)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    libc = ctypes.CDLL(None, use_errno=True)
    if options.userns is not None:
        _enter_user_namespace(libc, options.userns)
    if options.uid is not None:
        os.setgroups([])
        os.setresgid(options.gid, options.gid, options.gid)
        os.setresuid(options.uid, options.uid, options.uid)
    # After the change of identity, since that clears the signal.
    _checked(libc.prctl(PR_SET_PDEATHSIG, options.signal, 0, 0, 0), "prctl")
    if os.getppid() != options.parent:  # it died before the signal was set, so the signal will never come
        sys.exit(PARENT_GONE)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:  # what is ignored, exec would hand on
        signal.signal(number, signal.SIG_DFL)
    os.execvp(options.program[0], options.program)  # noqa: S606 - the point of this file


if __name__ == "__main__":
    main(sys.argv[1:])
