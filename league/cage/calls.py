"""System calls that a caged program is refused, with libseccomp.

What it may not do fails like something forbidden ("Operation not permitted"), so that a driver which tries
is told in its own language. Everything that is not named here is left to the other layers.
"""

from __future__ import annotations

import errno
import os
from typing import Any

# Starting programs, and looking like somebody else.
_PROGRAMS = ("fork", "vfork", "execve", "execveat", "unshare", "setns", "personality")
# Every way to the outside but the sockets that are open already. `socketpair` leads nowhere.
_SOCKETS = ("socket", "connect", "bind", "listen", "accept", "accept4")
# Other processes: their memory, files, signals, limits and turns.
_OTHERS = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp",
    "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    "setpriority", "ioprio_set", "sched_setscheduler", "sched_setattr", "sched_setparam", "migrate_pages",
)  # fmt: skip
# Memory that no limit of this process counts.
_HIDDEN_MEMORY = ("memfd_create", "memfd_secret", "shmget", "shmat", "msgget", "semget", "mq_open")
# Names in the file system.
_NAMES = (
    "creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "unlink",
    "unlinkat", "rmdir", "rename", "renameat", "renameat2", "truncate", "chmod", "fchmod", "fchmodat",
    "fchmodat2", "chown", "lchown", "fchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip
# The kernel itself. io_uring does by itself what is refused above.
_KERNEL = (
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd",
    "keyctl", "add_key", "request_key", "mount", "umount2", "pivot_root", "chroot", "open_tree",
    "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "name_to_handle_at",
    "open_by_handle_at", "fanotify_init", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm",
    "modify_ldt", "syslog", "vhangup", "lookup_dcookie",
)  # fmt: skip
# Newer forms whose arguments lie in memory, where no filter can look: the C library then uses the older ones.
_NEWER_FORMS = ("clone3", "openat2")

_CLONE_THREAD = 0x00010000  # linux/sched.h
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_O_TMPFILE = 0o20000000
_PR_SET_PDEATHSIG = 1


def load() -> Any:
    """The library, which looks for its other half on the disk and must be had before the door closes.

    Raises:
        OSError: There is no libseccomp.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise OSError(f"libseccomp cannot be used: {error}") from None
    return pyseccomp


def refuse(calls: Any, *, writing: bool) -> None:
    """Refuse these calls to this process from now on; must be called before any thread starts.

    Args:
        calls: The library.
        writing: Refuse to open any file for writing, too: for kernels without Landlock.

    Raises:
        OSError: The kernel cannot.
    """
    forbidden = calls.ERRNO(errno.EPERM)
    rules = calls.SyscallFilter(calls.ALLOW)

    def refused(name: str, *conditions: Any, answer: int = forbidden) -> None:
        try:
            rules.add_rule(answer, name, *conditions)
        except (ValueError, OSError):
            return  # this architecture, or this libseccomp, has no such call

    for name in (*_PROGRAMS, *_SOCKETS, *_OTHERS, *_HIDDEN_MEMORY, *_NAMES, *_KERNEL):
        refused(name)
    for name in _NEWER_FORMS:
        refused(name, answer=calls.ERRNO(errno.ENOSYS))

    def has(argument: int, bits: int) -> Any:
        return calls.Arg(argument, calls.MASKED_EQ, bits, bits)

    refused("clone", calls.Arg(0, calls.MASKED_EQ, _CLONE_THREAD, 0))
    for name in ("mmap", "mmap2"):
        refused(name, has(3, _MAP_SHARED | _MAP_ANONYMOUS))
    for name in ("kill", "tgkill"):
        refused(name, calls.Arg(0, calls.NE, os.getpid()))
    for name in ("prlimit64", "sched_setaffinity"):
        refused(name, calls.Arg(0, calls.NE, 0))
    refused("prctl", calls.Arg(0, calls.EQ, _PR_SET_PDEATHSIG))
    bits = [os.O_CREAT, os.O_TRUNC, _O_TMPFILE, *((os.O_WRONLY, os.O_RDWR) if writing else ())]
    for name, argument in (("open", 1), ("openat", 2)):
        for bit in bits:
            refused(name, has(argument, bit))
    rules.load()
