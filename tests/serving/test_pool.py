"""The pool: how training processes are started and ended."""

from __future__ import annotations

import threading

import pytest

from gan_core.serving.pool import Pool, _environment
from gan_core.system.settings import Settings


@pytest.mark.parametrize(
    ("threads", "chosen", "expected"),
    [(1, None, None), (2, None, "PASSIVE"), (2, "ACTIVE", "ACTIVE"), (1, "ACTIVE", "ACTIVE")],
)
def test_threads_of_a_worker_sleep_when_idle(monkeypatch, tmp_path, threads, chosen, expected):
    """Spinning ones would make every step many times slower on a machine that does more."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    settings = Settings(tmp_path, 2000, 1, threads, "cpu", 50_000, 900.0, 25.0)
    assert _environment(settings, tmp_path).get("OMP_WAIT_POLICY") == expected


def test_more_threads_than_cores_are_reported(tmp_path, capsys):
    """The server's terminal is where the one who set the variables looks."""
    settings = Settings(tmp_path, 2000, 64, 256, "cpu", 50_000, 900.0, 25.0)
    ignore = lambda *message: None  # noqa: E731
    Pool(settings, tmp_path, None, threading.RLock(), ignore, ignore)
    assert "16384 threads share" in capsys.readouterr().err


def test_closing_ends_the_workers(fakes):
    """A stopped server would otherwise leave processes behind."""
    queue = fakes.queue(workers=2)
    processes = [worker.process for worker in queue._dispatcher._pool.workers.values()]
    queue.close()
    assert all(process.poll() is not None for process in processes)
    queue.close()  # atexit may come after it
