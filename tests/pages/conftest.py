"""What the tests of the pages share: one queue for pages without a browser, one server for those in
a browser."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="package")
def _one_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One queue with one worker for all pages that are opened in this process."""
    import streamlit as st

    from pages.components import server

    settings = {"STORE": str(tmp_path_factory.mktemp("store")), "WORKERS": "1", "THREADS": "1",
                "GRACE_SECONDS": "600", "DEVICE": "cpu"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"GAN_LAB_{name}", value)
        st.cache_resource.clear()
        server.queue()
        yield
        server.queue().close()
        st.cache_resource.clear()


@pytest.fixture
def page_server(_one_queue: None) -> Iterator[None]:
    """The queue without jobs; what a test leaves in it is stopped afterwards."""
    from pages.components import server
    from tests.support.app_pages import jobs

    yield
    for name, job in jobs().items():
        for viewer in list(job.leases):
            server.queue().stop(name, viewer)
    deadline = time.monotonic() + 30
    while jobs():
        assert time.monotonic() < deadline, "a run does not stop"
        time.sleep(0.02)


@pytest.fixture
def short_leases(page_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of the length that a server gives them where nothing else is set."""
    from pages.components import server

    settings = dataclasses.replace(server.queue().settings, grace_seconds=25.0)
    monkeypatch.setattr(server.queue(), "settings", settings)


# --- in a browser; without one, importing `browsing` has skipped the file before ------------------


@pytest.fixture(scope="session")
def browser_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs of `app`."""
    return tmp_path_factory.mktemp("browser-store")


@pytest.fixture(scope="session")
def app(browser_store: Path) -> Iterator:
    """A server of the app with one worker."""
    from tests.support.browsing import Server

    running = Server(browser_store)
    yield running
    running.close()
