"""Limits that every Unix knows: processor time, memory, files, threads."""

from __future__ import annotations

import resource
from dataclasses import dataclass

FILES_OPEN = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a caged program may use."""

    cpu_s: int = 1800
    memory_bytes: int = 2 << 30
    file_bytes: int = 16 << 20
    """Largest file that it may write, where it can write one at all."""
    threads: int = 64

    def apply(self, *, count_threads: bool) -> None:
        """Take these limits upon this process; what is exceeded ends it, or the call that exceeds it.

        Memory is limited as RLIMIT_DATA, which counts what is written to, and not as RLIMIT_AS: numpy and
        onnxruntime reserve address space by the gigabyte that they never touch.

        Args:
            count_threads: Limit threads here, too. The kernel counts those of all of a user's processes,
                so it makes sense only in a user namespace of its own.
        """
        limits = [
            (resource.RLIMIT_CPU, self.cpu_s),
            (resource.RLIMIT_DATA, self.memory_bytes),
            (resource.RLIMIT_FSIZE, self.file_bytes),
            (resource.RLIMIT_NOFILE, FILES_OPEN),
            (resource.RLIMIT_CORE, 0),
        ]
        if count_threads:
            limits.append((resource.RLIMIT_NPROC, self.threads))
        for what, most in limits:
            _, allowed = resource.getrlimit(what)
            if allowed != resource.RLIM_INFINITY:
                most = min(most, allowed)
            # At the soft limit of processor time comes a signal that tells why, at the hard one only the end.
            spare = 1 if what == resource.RLIMIT_CPU and most != allowed else 0
            resource.setrlimit(what, (most, most + spare))
