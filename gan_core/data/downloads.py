"""What is not bundled is fetched once and kept: the download, its progress in words, and turns.

Fashion-MNIST: Xiao, Rasul, Vollgraf, arXiv:1708.07747 (2017), downloaded when first asked for.

What takes a while is told to whoever listens:

    with telling(print):
        datasets.load(RunConfig(dataset="fashion_mnist"), device)
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from queue import Empty, SimpleQueue

from torch import Tensor

from gan_core.system.files import lock
from gan_core.system.settings import Settings

SILENT_SECONDS = 10.0  # after which a server that says nothing is given up
FASHION_BYTES = 30_878_645  # of the four archives


class DatasetError(ValueError):
    """A data set that cannot be had; the message is one sentence for whoever asked for it."""


# --- progress, and turns among processes ---------------------------------------------------------

_LISTENER: ContextVar[Callable[[str], None]] = ContextVar("_LISTENER", default=lambda words: None)


@contextlib.contextmanager
def telling(listener: Callable[[str], None]) -> Iterator[None]:
    """Within, `listener` hears in words what is being waited for, many times a second perhaps.

    An exception that it raises ends the work, and leaves nothing half done behind.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(words: str) -> None:
    """Say to the listener, if there is one, what is being waited for."""
    _LISTENER.get()(words)


def data_folder() -> Path:
    """Where what is not bundled is kept."""
    return Settings.from_environment().data


@contextlib.contextmanager
def alone(folder: Path, name: str, doing: str) -> Iterator[None]:
    """Be the only process that does `name` in `folder`; others wait, and tell what for."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            held = lock(folder / f".{name}.lock", wait=0.5)
            break
        except TimeoutError:
            tell(f"waiting for another run, which is {doing}")
    with held:
        yield


# --- Fashion-MNIST -------------------------------------------------------------------------------


def fashion_mnist() -> dict[str, Tensor]:
    """The parts of Fashion-MNIST, images (n, 28, 28) in bytes, brought first if they are not here.

    Raises DatasetError if it cannot be had.
    """
    folder = data_folder()
    return _read_fashion(folder) or _download_fashion(folder)


def _read_fashion(folder: Path) -> dict[str, Tensor] | None:
    """What lies in `folder`, if it is all of Fashion-MNIST."""
    from torchvision.datasets import FashionMNIST

    try:
        train, test = (FashionMNIST(folder, train=train) for train in (True, False))
    except (OSError, RuntimeError, ValueError, LookupError, AssertionError):  # absent or damaged
        return None
    parts = {"train": train.data, "held_out": test.data,
             "labels": train.targets, "held_out_labels": test.targets}
    shapes = [(60_000, 28, 28), (10_000, 28, 28), (60_000,), (10_000,)]
    return parts if [tuple(part.shape) for part in parts.values()] == shapes else None


def _download_fashion(folder: Path) -> dict[str, Tensor]:
    try:
        with alone(folder, "fashion", "downloading Fashion-MNIST"):
            # Whoever had the lock before may have brought it.
            return _read_fashion(folder) or _fetch_fashion(folder)
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise DatasetError(
            f"Fashion-MNIST is not in {folder} and could not be downloaded ({reason}): it needs "
            "the internet once, while MNIST, ring and grid need none."
        ) from error


def _fetch_fashion(folder: Path) -> dict[str, Tensor]:
    """Download it beside its place, and put it there only when it is whole."""
    from torchvision.datasets import FashionMNIST

    place, scratch = folder / "FashionMNIST", folder / ".fashion"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    try:
        (scratch / "FashionMNIST" / "raw").mkdir(parents=True)
        # torchvision's own download waits for a silent server for ever, and tells no listener.
        _fetch(FashionMNIST.mirrors, FashionMNIST.resources, scratch / "FashionMNIST" / "raw")
        FashionMNIST(scratch, download=True)  # finds the archives there and unpacks them
        if (found := _read_fashion(scratch)) is None:
            raise OSError("what came is not the data set")
        shutil.rmtree(place, ignore_errors=True)
        os.replace(scratch / "FashionMNIST", place)
        return found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch(mirrors: list[str], resources: list[tuple[str, str]], folder: Path) -> None:
    """Each (name, md5) of `resources` into `folder`, from the first mirror that has it whole."""
    for name, md5 in resources:
        for last, mirror in enumerate(mirrors, start=1 - len(mirrors)):
            try:
                _fetch_file(mirror + name, folder / name, md5)
                break
            except (OSError, http.client.HTTPException):
                if last == 0:
                    raise


def _fetch_file(url: str, path: Path, md5: str) -> None:
    from torchvision.datasets.utils import check_integrity

    before = sum(file.stat().st_size for file in path.parent.iterdir() if file != path)
    with open(path, "wb") as file:
        for chunk in _chunks(url):
            file.write(chunk)
            share = min((before + file.tell()) / FASHION_BYTES, 1.0)
            tell(f"downloading Fashion-MNIST: {share:.0%} of {FASHION_BYTES / 1e6:.0f} MB")
    if not check_integrity(path, md5):
        raise OSError(f"{path.name} came damaged")


def _chunks(url: str) -> Iterator[bytes]:
    """What the server sends. Raises TimeoutError once nothing came for SILENT_SECONDS.

    A thread reads it: to look a name up, or to try a server's eight addresses one after the other
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
