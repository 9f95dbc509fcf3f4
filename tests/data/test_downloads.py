"""Fashion-MNIST comes whole and once, or is refused in a sentence; a fake server stands in."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import threading
import time
import urllib.error
import urllib.request

import pytest
import torch

from gan_core.data import downloads, fashion_mnist
from gan_core.data.datasets import SOURCES
from gan_core.data.downloads import DatasetError, progress_to
from tests.support import fashion
from tests.support.fashion import put


class Server:
    """Stands in for the internet: answers with the files it has, or with what a test puts there."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.archives = {f"{name}.gz": gzip.compress(content, 1) for name, content in
                         files.items()}
        self.asked: list[str] = []
        self.refuse: Exception | None = None
        self.answers = self.archives

    @property
    def resources(self) -> list[tuple[str, str]]:
        return [(name, hashlib.md5(content).hexdigest())
                for name, content in self.archives.items()]

    def open(self, url: str, timeout: float) -> io.BytesIO:
        assert timeout == downloads.SILENT_SECONDS
        self.asked.append(url.rsplit("/")[-1])
        if self.refuse is not None:
            raise self.refuse
        return io.BytesIO(self.answers[self.asked[-1]])


@pytest.fixture(scope="module")
def fashion_files() -> dict[str, bytes]:
    return fashion.files()


@pytest.fixture(scope="module")
def all_archives(fashion_files) -> Server:
    return Server(fashion_files)  # packing them takes a second


@pytest.fixture
def server(all_archives, monkeypatch, tmp_path) -> Server:
    """An empty data folder, and a server that has the archives."""
    from torchvision.datasets import FashionMNIST

    made = Server({})
    made.archives = made.answers = all_archives.archives
    monkeypatch.setenv("GAN_LAB_DATA", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", made.open)
    monkeypatch.setattr(FashionMNIST, "resources", made.resources)
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://one.example/"])
    total = sum(map(len, made.archives.values()))
    monkeypatch.setattr(fashion_mnist, "BYTES", total)
    return made


read = SOURCES["fashion_mnist"]  # as a run does, without the cache of the process


def test_fashion_is_downloaded_once_and_with_words(server, tmp_path):
    """Otherwise every run would download it, and a student look at a page that does nothing."""
    heard: list[str] = []
    with progress_to(heard.append):
        first = read()
    assert heard[0].startswith("downloading Fashion-MNIST: ")
    shares = [int(words.split(": ")[1].split("%")[0]) for words in heard]
    assert shares == sorted(shares) and shares[-1] == 100
    assert len(server.asked) == 4
    second = read()
    assert len(server.asked) == 4
    for part in ("train", "held_out", "labels", "held_out_labels"):
        assert torch.equal(getattr(first, part), getattr(second, part))
    assert first.train.shape == (60_000, 784) and first.held_out.shape == (10_000, 784)
    assert first.labels.dtype == torch.int64
    left = {path.name for path in tmp_path.iterdir()} - {".fashion.lock"}
    assert left == {"FashionMNIST"}


@pytest.mark.parametrize("refusal", [
    urllib.error.URLError(OSError("Name or service not known")), TimeoutError("timed out"),
    http.client.RemoteDisconnected("closed"), ConnectionResetError("reset"),
    urllib.error.HTTPError("http://x", 404, "Not Found", {}, None),
], ids=lambda refusal: type(refusal).__name__)
def test_offline_is_one_sentence(refusal, server, tmp_path):
    """Otherwise a classroom without the internet would read a traceback."""
    server.refuse = refusal
    with pytest.raises(DatasetError) as caught:
        read()
    message = str(caught.value)
    for word in ("Fashion-MNIST", str(tmp_path), "internet once", "MNIST, ring and grid"):
        assert word in message
    assert message.endswith(".") and "\n" not in message
    assert len(server.asked) == 1  # the other three files would only make people wait
    server.refuse = None
    assert len(read().train) == 60_000  # and the next attempt is a new one


def test_a_firewall_that_drops_everything_is_not_waited_for(server, monkeypatch):
    """Otherwise a run would hang for minutes: the addresses of a server are tried one by one."""
    released = threading.Event()
    monkeypatch.setattr(downloads, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: released.wait(30))
    started = time.monotonic()
    with pytest.raises(DatasetError, match="no answer within"):
        read()
    released.set()
    assert time.monotonic() - started < 5


def test_a_mirror_that_fails_is_followed_by_the_next(server, monkeypatch):
    """Otherwise one server's bad day would take the data set away."""
    from torchvision.datasets import FashionMNIST

    def only_two(url: str, timeout: float) -> io.BytesIO:
        if "one.example" in url:
            raise urllib.error.URLError("down")
        return server.open(url, timeout)

    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://one.example/", "http://two.example/"])
    monkeypatch.setattr(urllib.request, "urlopen", only_two)
    assert len(read().train) == 60_000


@pytest.mark.parametrize("answer", [b"<html>please log in</html>", b""], ids=["portal", "nothing"])
def test_what_is_not_the_file_is_refused(answer, server):
    """A hotel's log-in page would be unpacked as data, and stay there for ever."""
    server.answers = dict.fromkeys(server.archives, answer)
    with pytest.raises(DatasetError, match="came damaged"):
        read()
    server.answers = server.archives
    assert len(read().train) == 60_000


@pytest.mark.parametrize(("name", "keep"), [
    ("train-images-idx3-ubyte", 0), ("t10k-labels-idx1-ubyte", 10),
    ("train-images-idx3-ubyte", 5000)])
def test_a_torn_file_is_downloaded_again(name, keep, server, fashion_files, tmp_path):
    """A disk that was full once would break the data set on this machine for good."""
    torn = put(fashion_files, tmp_path) / name
    torn.write_bytes(fashion_files[name][:keep])
    assert len(read().labels) == 60_000
    assert len(server.asked) == 4
    assert torn.read_bytes() == fashion_files[name]


def test_files_put_there_by_hand_need_no_internet(server, fashion_files, tmp_path):
    """A teacher who carries the files into a room without the internet would do so in vain."""
    server.refuse = urllib.error.URLError("offline")
    put(fashion_files, tmp_path)
    assert len(read().train) == 60_000 and not server.asked


def test_a_download_that_was_killed_is_begun_again(server, tmp_path):
    """Otherwise its half of a file would stand in the way of every later one."""
    put({"train-images-idx3-ubyte": b"half"}, tmp_path / ".fashion")
    assert len(read().train) == 60_000
    assert not (tmp_path / ".fashion").exists()


def test_a_listener_can_end_a_download(server, tmp_path):
    """Otherwise *Stop* would not work until everything is there."""

    class Stopped(Exception):
        pass

    def stop(words: str) -> None:
        raise Stopped

    with progress_to(stop), pytest.raises(Stopped):
        read()
    assert {path.name for path in tmp_path.iterdir()} == {".fashion.lock"}
    assert len(read().train) == 60_000  # nobody listens any more


def test_workers_that_need_it_at_once_download_it_once(server, monkeypatch):
    """Two students start together, and the one's download is unpacked over the other's."""
    begun, waited = threading.Event(), threading.Event()
    loaded, heard = [], []

    def slow(url: str, timeout: float) -> io.BytesIO:
        begun.set()
        waited.wait(10)
        return server.open(url, timeout)

    def hear(words: str) -> None:
        heard.append(words)
        waited.set()

    def second() -> None:
        begun.wait(10)
        with progress_to(hear):
            loaded.append(read())

    monkeypatch.setattr(urllib.request, "urlopen", slow)
    threads = [threading.Thread(target=lambda: loaded.append(read())),
               threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(loaded) == 2 and len(server.asked) == 4
    assert set(heard) == {"waiting for another run, which is downloading Fashion-MNIST"}


def test_a_folder_that_cannot_be_written_is_named(server, monkeypatch, tmp_path):
    """Otherwise nobody would know which folder to make room in."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAN_LAB_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DatasetError, match="file/data"):
        read()
