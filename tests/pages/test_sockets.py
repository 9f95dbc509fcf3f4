"""Sockets of the server: answers do not wait."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from pages.channel.sockets import OPEN_FILES, send_at_once


@pytest.mark.skipif(not os.path.isdir(OPEN_FILES), reason=f"needs {OPEN_FILES}")
def test_connections_send_at_once() -> None:
    """Every file of a page and every look at a live run takes 40 ms longer."""
    files = len(os.listdir(OPEN_FILES))
    with contextlib.ExitStack() as opened:
        listening = opened.enter_context(socket.socket())  # as Streamlit makes it
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once()
        opened.enter_context(socket.create_connection(listening.getsockname()))
        accepted = opened.enter_context(listening.accept()[0])
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert len(os.listdir(OPEN_FILES)) == files, "it left files open"
