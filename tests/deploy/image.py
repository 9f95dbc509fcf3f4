"""The image that the Dockerfile describes, tried without a container engine.

What it copies is put into a folder, and its command is started with its variables, by a user who is
nobody here, without a home folder, where everything but one small volume is read-only.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
VOLUME, PROGRAMS = "/data", "/opt/venv/bin"  # in the image
VOLUME_MEGABYTES = 120
USER = 1000
START_SECONDS = 180.0


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of the last stage; those of the stages before it apart."""

    before: list[tuple[str, str]]
    last: list[tuple[str, str]]

    @classmethod
    def read(cls) -> Dockerfile:
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        whole = "\n".join(lines).replace("\\\n", " ")
        pairs = [(word, " ".join(rest.split())) for word, _, rest in
                 (line.partition(" ") for line in whole.splitlines() if line.strip())]
        stage = max(place for place, (word, _) in enumerate(pairs) if word == "FROM")
        return cls(pairs[:stage], pairs[stage:])

    def of(self, word: str) -> list[str]:
        return [rest for name, rest in self.last if name == word]

    @property
    def variables(self) -> dict[str, str]:
        pairs = [word.partition("=") for rest in self.of("ENV") for word in shlex.split(rest)]
        return {name: value for name, _, value in pairs}

    @property
    def command(self) -> list[str]:
        return json.loads(self.of("CMD")[-1])

    @property
    def health_check(self) -> list[str]:
        return json.loads(self.of("HEALTHCHECK")[-1].partition("CMD ")[2])

    @property
    def copied(self) -> dict[str, str]:
        """What is copied from the project: the place in the image by the name in the project."""
        pairs = {}
        for rest in self.of("COPY"):
            if not rest.startswith("--from"):
                *sources, place = rest.split()
                pairs |= {name: f"{place}{Path(name).name}" if place.endswith("/") else place
                          for name in sources}
        return pairs


# Everything is made read-only but a volume of so many megabytes; then $0 and what follows is run.
READ_ONLY = f"""
mount -t tmpfs -o size={VOLUME_MEGABYTES}m,mode=777 volume "$VOLUME" || exit 77
awk '{{print $5}}' /proc/self/mountinfo | while read -r place; do
  case "$place" in "$VOLUME"|/proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done 2>/dev/null
touch "$FOLDER/written" 2>/dev/null && exit 77
exec "$0" "$@"
"""


class Container:
    """A context: the image's command, running. `skipped` says why it cannot be tried here."""

    def __init__(self) -> None:
        self.image = Dockerfile.read()
        self._folder = Path(tempfile.mkdtemp(prefix="gan-lab-image-"))
        self._folder.chmod(0o755)  # for a stranger
        self.app, self.volume = self._folder / "app", self._folder / "volume"
        self.volume.mkdir()
        for name, place in self.image.copied.items():
            self._copy(ROOT / name, self.app / place)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = self._folder / "log.txt"
        self.skipped = ""

    @staticmethod
    def _copy(source: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place)

    @property
    def variables(self) -> dict[str, str]:
        """As the image sets them, in this folder and for one worker."""
        here = {VOLUME: str(self.volume), PROGRAMS: str(Path(sys.executable).parent)}
        values = {name: re.sub("|".join(here), lambda match: here[match[0]], value)
                  for name, value in self.image.variables.items()}
        values["PATH"] = values["PATH"].replace("$PATH", "/usr/bin:/bin")
        return {**values, "STREAMLIT_SERVER_PORT": str(self.port), "GAN_LAB_WORKERS": "1",
                "GAN_LAB_THREADS": "1", "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seen(self, path: str) -> Path:
        """A path of the volume, as it is inside."""
        return Path(f"/proc/{self.process.pid}/root{self.volume}") / path

    def __enter__(self) -> Container:
        root = os.getuid() == 0
        apart = ["unshare", "--mount"] if root else ["unshare", "--map-root-user", "--mount"]
        bare = ["env", "-i", *(f"{name}={value}" for name, value in self.variables.items())]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*apart, "sh", "-c", READ_ONLY, *_as_stranger(), *bare, *self.image.command],
                cwd=self.app, stdout=log, stderr=log,
                env={**os.environ, "VOLUME": str(self.volume), "FOLDER": str(self.app)})
        deadline = time.monotonic() + START_SECONDS
        while self.check() and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.2)
        if self.process.poll() is not None:
            self.skipped = f"nothing can be made read-only here: {self.log.read_text()[-300:]}"
            assert self.process.returncode in (1, 77), self.log.read_text()
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def check(self) -> str:
        """What the image's health check says; "" where all is well."""
        done = subprocess.run(self.image.health_check, cwd=self.app, env=self.variables,
                              capture_output=True, text=True)
        return done.stderr.strip() or ("" if done.returncode == 0 else "it failed")


def _as_stranger() -> list[str]:
    """What makes the next command run without the rights of root."""
    if os.getuid():
        return []
    interpreter = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in (interpreter, *interpreter.parents)):
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    # Python lies where nobody else may look: root, but with none of root's rights.
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
