"""The app on a port of its own, with a store that is gone afterwards, and what it takes."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
START_SECONDS = 180.0  # generous: other programs may have the cores
STOP_SECONDS = 20.0


class Server:
    """A context; `options` go to `streamlit run`, `environment` changes the app's settings."""

    def __init__(self, *options: str, **environment: str) -> None:
        self.store = Path(tempfile.mkdtemp(prefix="gan-lab-bench-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = self.store / "server.log"
        with self.log.open("wb") as log:
            self.process = self._start(port, options, environment, log)

    def _start(
        self, port: int, options: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py",
             "--server.headless", "true", "--server.port", str(port), *options],
            cwd=ROOT, env={**os.environ, "GAN_LAB_STORE": str(self.store), **environment},
            stdout=log, stderr=log)

    def __enter__(self) -> Server:
        try:
            return self._started()
        except BaseException:  # Ctrl-C as well: no server stays behind
            self.__exit__()
            raise

    def _started(self) -> Server:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
                return self
            except urllib.error.HTTPError:  # it answers, below another path
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("The app does not start.")

    def __exit__(self, *problem: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.store, ignore_errors=True)

    def web_megabytes(self) -> float | None:
        """Resident memory of the web process; None where the system does not say."""
        return _megabytes(self.process.pid)

    def most_web_megabytes(self) -> float | None:
        """The most that the web process had until now; None as above."""
        return _megabytes(self.process.pid, "VmHWM")

    def worker_megabytes(self) -> list[float]:
        """Resident memory of each worker; [] where the system does not say."""
        workers = map(_megabytes, children(self.process.pid))
        return [megabytes for megabytes in workers if megabytes is not None]

    def processor_seconds(self) -> float | None:
        """What the web process has had of the processor until now; None as above."""
        try:
            return _processor_seconds(self.process.pid)
        except OSError:
            return None


def processor_seconds_beside(server: Server) -> float:
    """What all processes below this one have had of the processor, but for the server and its
    workers: those of a browser."""
    seconds, waiting = 0.0, [os.getpid()]
    while waiting:
        for child in children(waiting.pop()):
            if child != server.process.pid:
                waiting.append(child)
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    seconds += _processor_seconds(child)
    return seconds


# proc(5): what follows the program's name in /proc/<pid>/stat, from the third field on.
def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _processor_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(_stat(int(folder.name))[1]) == pid:
                children.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return children


def _megabytes(pid: int, kind: str = "VmRSS") -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    resident = next(line for line in lines if line.startswith(f"{kind}:"))
    return int(resident.split()[1]) / 1024
