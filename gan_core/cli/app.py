"""`app`: open the pages of a clone in the browser, with Streamlit."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import NoReturn

import gan_core
from gan_core.cli.arguments import Parser, UsageError, add_command, whole_number
from gan_core.system.settings import Settings

PAGES = "streamlit_app.py"


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "app", app, "open the pages in the browser, from a clone of the project; what "
        "else is given is passed on to streamlit run, like --server.headless true")
    parser.add_argument("--port", type=whole_number(1, 65535), metavar="N",
                        help="port of the server, 1 to 65535 (default: Streamlit's, 8501)")
    parser.set_defaults(passed_on=[])


def app(options: Namespace, settings: Settings) -> int:
    """Serve the pages until Ctrl-C; the exit code is Streamlit's."""
    folder = find_clone()
    if importlib.util.find_spec("streamlit") is None:
        raise UsageError("The pages need Streamlit: pip install -r requirements.txt in the clone.")
    return _serve(command(options.port, options.passed_on), folder)


def find_clone() -> Path:
    """The folder of the pages: the working directory, or where this package lies.

    Raises UsageError where neither is a clone of the project.
    """
    for folder in (Path.cwd(), Path(gan_core.__file__).parents[1]):
        if (folder / PAGES).is_file() and (folder / "gan_core").is_dir():
            return folder
    raise UsageError(f"There are no pages here: call this in a clone of the project, in the folder "
                     f"that holds {PAGES}.")


def command(port: int | None, passed_on: list[str]) -> list[str]:
    """The call of Streamlit, in the Python that runs this."""
    options = [option for option in passed_on if option != "--"]
    if port is not None:
        options = ["--server.port", str(port), *options]
    return [sys.executable, "-m", "streamlit", "run", PAGES, *options]


def _serve(command: list[str], folder: Path) -> int:
    """Run the server, and leave none behind when this process is asked to end."""
    signal.signal(signal.SIGTERM, _end)
    with subprocess.Popen(command, cwd=folder) as server:
        try:
            return server.wait()
        except BaseException:  # Ctrl-C, which a terminal sends to the server as well, or SIGTERM
            server.terminate()
            server.wait()
            raise


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # what a shell reports of a process that a signal ended
