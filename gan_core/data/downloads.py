"""Downloads: files fetched once, by one process, with progress for whoever listens.

    with progress_to(print):
        datasets.load(RunConfig(dataset="fashion_mnist"), device)
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from queue import Empty, SimpleQueue

from gan_core.system.locks import lock
from gan_core.system.settings import Settings

SILENT_SECONDS = 10.0  # without a byte from the server end a download


class DatasetError(ValueError):
    """A data set that cannot be downloaded; the message is one sentence for people."""


# --- progress, and one process at a time ---------------------------------------------------------

_LISTENER: ContextVar[Callable[[str], None]] = ContextVar("_LISTENER", default=lambda message: None)


@contextlib.contextmanager
def progress_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Within, `listener` is called with messages on progress, perhaps many times a second.

    An exception that it raises ends the work, and leaves nothing half done behind.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def report(message: str) -> None:
    """Give the listener, if there is one, a message on progress."""
    _LISTENER.get()(message)


def data_folder() -> Path:
    """Where downloads are kept."""
    return Settings.from_environment().data


@contextlib.contextmanager
def exclusive(folder: Path, name: str, doing: str) -> Iterator[None]:
    """Only one process at a time does `name` in `folder`; the others report that they wait."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            acquired = lock(folder / f".{name}.lock", wait=0.5)
            break
        except TimeoutError:
            report(f"waiting for another run, which is {doing}")
    with acquired:
        yield


# --- files --------------------------------------------------------------------------------------


def fetch(
    mirrors: list[str], resources: list[tuple[str, str]], folder: Path, title: str, size: int
) -> None:
    """Download each (name, md5) of `resources` into `folder`, from the first mirror that has it.

    `title` and `size`, the bytes of all of them, are for progress. Raises OSError or HTTPException.
    """
    def report_bytes(received: int) -> None:
        report(f"downloading {title}: {min(received / size, 1.0):.0%} of {size / 1e6:.0f} MB")

    for name, md5 in resources:
        for last, mirror in enumerate(mirrors, start=1 - len(mirrors)):
            try:
                _fetch_file(mirror + name, folder / name, md5, report_bytes)
                break
            except (OSError, http.client.HTTPException):
                if last == 0:
                    raise


def _fetch_file(url: str, path: Path, md5: str, report_bytes: Callable[[int], None]) -> None:
    from torchvision.datasets.utils import check_integrity

    before = sum(file.stat().st_size for file in path.parent.iterdir() if file != path)
    with open(path, "wb") as file:
        for chunk in _chunks(url):
            file.write(chunk)
            report_bytes(before + file.tell())
    if not check_integrity(path, md5):
        raise OSError(f"{path.name} came damaged")


def _chunks(url: str) -> Iterator[bytes]:
    """The bytes that the server sends. Raises TimeoutError if none come for SILENT_SECONDS.

    A thread reads them: looking a name up, or trying a server's eight addresses one after the other
    behind a firewall that drops everything, takes longer than any timeout of a socket.
    """
    arrived: SimpleQueue[bytes | Exception] = SimpleQueue()

    def read() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENT_SECONDS) as answer:
                while chunk := answer.read1(1 << 16):
                    arrived.put(chunk)
            arrived.put(b"")
        except Exception as error:
            arrived.put(error)

    threading.Thread(target=read, daemon=True, name="download").start()
    while True:
        try:
            chunk = arrived.get(timeout=SILENT_SECONDS)
        except Empty:
            raise TimeoutError(f"no answer within {SILENT_SECONDS:g} s") from None
        if isinstance(chunk, Exception):
            raise chunk
        if not chunk:
            return
        yield chunk
