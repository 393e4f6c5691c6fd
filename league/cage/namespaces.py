"""Namespaces: a network with nobody in it, and a user whose threads are counted alone."""

from __future__ import annotations

from league.cage import libc

_NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_NET = 0x04000000, 0x08000000, 0x10000000, 0x40000000  # linux/sched.h


def leave() -> bool:
    """Leave the machine's network, message queues and users behind; must be called before any thread starts.

    Returns:
        Whether there is a user namespace of its own, where threads are counted alone.

    Raises:
        OSError: The kernel does not let this user do that, or a container forbids it.
    """
    both = _NEW_NET | _NEW_IPC | _NEW_UTS
    try:
        libc.call("unshare", _NEW_USER | both)
        own_user = True
    except OSError:
        libc.call("unshare", both)  # root of a container may have a network of its own, but no users
        own_user = False
    libc.look_at_self()
    return own_user
