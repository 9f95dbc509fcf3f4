"""The pool: how training processes are started and ended."""

from __future__ import annotations

import os
import threading

import pytest

from gan_core.serving import pool
from gan_core.serving.health import Health
from gan_core.serving.pool import Pool, _environment
from gan_core.serving.queue import JobQueue
from gan_core.system.settings import Settings
from tests.support.queues import apart, state, until


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


@pytest.mark.parametrize("error", [KeyError, ValueError, TypeError, RuntimeError])
def test_an_error_in_dealing_with_a_message_is_seen_and_costs_one_run(
    fakes, monkeypatch, capfd, error
):
    """It leaves no trace, and the next run waits for ever for a worker that counts as busy."""
    queue = fakes.queue()
    ended = queue._dispatcher._ended

    def fail(job, message):
        monkeypatch.setattr(queue._dispatcher, "_ended", ended)
        raise error("of the server itself")

    monkeypatch.setattr(queue._dispatcher, "_ended", fail)
    first, second = queue.submit(apart(0), "a"), queue.submit(apart(1), "a")
    fakes.finish(first)
    until(lambda: second in fakes.begun())
    status = queue.snapshot(first).status
    assert status.state == "failed" and "the server's log says why" in status.reason
    assert "lack of memory" not in status.reason
    assert "of the server itself" in capfd.readouterr().err


def test_lines_that_are_no_messages_are_ignored(fakes, capfd):
    """What a library prints would end the worker."""
    queue = fakes.queue()
    worker = queue._dispatcher._pool.workers[0]
    from gan_core.serving import pool

    for line in (b"hello", b"7", b"[]", b'{"event": 3}', b"{}", b"[" * 100_000):
        assert pool._message(line) is None, line
    assert worker.process.poll() is None


def test_no_process_is_started_and_no_file_touched_under_the_lock(fakes, monkeypatch):
    """Every page waits for the lock at every refresh; starting a process on a busy machine, or a
    slow network disk, would hold them all up."""
    queue = fakes.queue()
    held: list[str] = []

    def watched(place, name):
        original = getattr(place, name)

        def call(*arguments, **named):
            if queue._lock._is_owned():
                held.append(name)
            return original(*arguments, **named)

        monkeypatch.setattr(place, name, call)

    for name in ("create", "touch", "status", "write_status", "snapshot", "delete", "locked"):
        watched(fakes.store, name)
    watched(queue._prices, "measured")
    watched(os, "open")
    monkeypatch.setattr("subprocess.Popen", _watched_popen(queue, held))
    digests = [queue.submit(apart(number), "a") for number in range(3)]
    queue.stop(digests[2], "a")
    queue.snapshot(digests[1])
    (fakes.folder / f"die-{digests[0]}").touch()
    until(lambda: state(queue, digests[0]) == "failed" and queue.pool().ready == 1)
    queue.release(digests[1], "a")
    assert held == []


def _watched_popen(queue, held):
    import subprocess

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **named):
            if queue._lock._is_owned():
                held.append("Popen")
            super().__init__(*arguments, **named)

    return Watched


def test_workers_that_do_not_start_are_reported_to_the_terminal_and_the_page(fakes, capfd):
    """*starting the workers 0 of 1* for ever, and nothing says what is wrong, or where."""
    (fakes.folder / "never-ready").touch()
    queue = fakes.queue()
    until(lambda: queue.pool().failure)
    assert queue.pool().failure == (
        "The training process does not start (exit code 1): no such device.")
    said = capfd.readouterr().err
    assert queue.pool().failure in said and str(fakes.store.root / "worker-") in said
    (fakes.folder / "never-ready").unlink()
    queue._dispatcher._pool._paused_until = 0.0
    queue._housekeeper.wake()
    until(lambda: queue.pool().ready == 1)
    assert queue.pool().failure == ""


def test_a_worker_that_hangs_while_it_starts_is_replaced_and_said(fakes, monkeypatch):
    """*starting* for ever: a driver that does not answer, a network disk that is gone."""
    monkeypatch.setattr(pool, "START_SECONDS", 0.2)
    (fakes.folder / "never-ready").write_text("hangs")
    queue = fakes.queue()
    until(lambda: queue.pool().failure)
    assert queue.pool().failure == (
        "The training process does not start (not ready within 0 s).")
    assert Health(queue.pool()).status == "failing"
    monkeypatch.setattr(pool, "START_SECONDS", 60.0)
    (fakes.folder / "never-ready").unlink()
    queue._dispatcher._pool._paused_until = 0.0
    until(lambda: queue.pool().ready == 1)
    assert queue.pool().failure == ""


def test_a_program_that_is_missing_is_named(fakes, capfd):
    """A moved virtual environment leaves a server that waits for its workers for ever."""
    settings = Settings(fakes.store.root, 2000, 1, 1, "cpu", 50_000, 900.0, 25.0)
    queue = JobQueue(fakes.store, settings, ["/nowhere/python"])
    fakes.queues.append(queue)
    until(lambda: queue.pool().failure)
    assert queue.pool().failure == "The training process does not start (python: it is missing)."
    assert "/nowhere/python" in capfd.readouterr().err


def test_two_servers_on_one_store_have_logs_of_their_own(fakes, monkeypatch):
    """The second one would truncate what the first one's workers have to say."""
    first = fakes.queue()
    monkeypatch.setattr(os, "getpid", lambda: 4242)  # in another container, or later
    second = fakes.queue()
    logs = [queue._dispatcher._pool.workers[0].log for queue in (first, second)]
    assert logs[0] != logs[1] and all(log.exists() for log in logs)
