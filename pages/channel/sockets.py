"""Sockets: answers leave at once.

Headers and body of an answer are written one after the other. Unless a connection says
TCP_NODELAY, the body waits until the browser has confirmed the headers, which it does after 40 ms
or more; every file of a page and every look at a live run would take so much longer. Streamlit
makes its socket without a protocol number, by which asyncio would know it for TCP and say it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

OPEN_FILES = "/dev/fd"  # Linux and macOS; elsewhere answers may wait


def send_at_once() -> None:
    """Have the connections that this process accepts from now on send what is written at once: they
    inherit it from the socket that listens."""
    for own in _own_sockets():
        with own, contextlib.suppress(OSError):
            if own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _own_sockets() -> Iterator[socket.socket]:
    """Copies of this process's sockets."""
    with contextlib.suppress(OSError):
        for name in os.listdir(OPEN_FILES):
            with contextlib.suppress(OSError):  # a file, or closed meanwhile
                yield _socket(os.dup(int(name)))


def _socket(number: int) -> socket.socket:
    try:
        return socket.socket(fileno=number)
    except OSError:
        os.close(number)
        raise
