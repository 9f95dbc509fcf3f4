"""Files that commands write at a place that somebody has named: looked at before hours of training,
and replaced in one step when they are made.

Only files of their own kind are replaced: putting a file in place of a device or a pipe takes it
away from everybody. Of a link the file that it names is replaced, and the link stays.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gan_core.cli.arguments import UsageError
from gan_core.system import files


def refuse_unwritable(option: str, path: Path) -> None:
    """Raises UsageError where no file can be written at `path`, which was given to `option`."""
    place = _place(option, path)
    try:  # rights alone do not tell: root has them in /proc as well, which takes no files
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".gan-lab-"):
            pass
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {_cause(error)}.") from None


@contextlib.contextmanager
def writing(option: str, path: Path) -> Iterator[Path]:
    """A path to write to; on leaving it takes the place of `path` in one step.

    Raises UsageError, which names `path`, where it cannot be written.
    """
    place = _place(option, path)
    try:
        with files.replacing(place) as temporary:
            yield temporary
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {_cause(error)}.") from None


def write(option: str, path: Path, content: bytes) -> None:
    """The same at once. Raises UsageError."""
    with writing(option, path) as temporary:
        temporary.write_bytes(content)


def _place(option: str, path: Path) -> Path:
    """The file that is written: `path`, or what it names as a link. Raises UsageError."""
    place = Path(os.path.realpath(path))
    linked = os.path.islink(path)
    shown = f"{path}, a link to {place}," if linked else f"{path}"
    try:
        kind: int | None = stat.S_IFMT(os.stat(place).st_mode)
    except FileNotFoundError:
        kind = None
    except NotADirectoryError:
        raise UsageError(f"{option}: there is no folder {path.parent}.") from None
    except (OSError, ValueError) as error:  # a link to itself, a name that is too long
        why = _cause(error) if isinstance(error, OSError) else "its name is none"
        raise UsageError(f"{option}: {path} cannot be written: {why}.") from None
    if kind == stat.S_IFDIR:
        raise UsageError(f"{option}: {path} is a folder; name a file.")
    if kind not in (None, stat.S_IFREG):
        raise UsageError(f"{option}: {shown} is a device, a pipe or a socket; name a file.")
    if not place.parent.is_dir():
        raise UsageError(f"{option}: there is no folder {(place if linked else path).parent}.")
    # The new file is made beside it and renamed, so that its folder is written to as well.
    if not os.access(place.parent, os.W_OK | os.X_OK) or (kind and not os.access(place, os.W_OK)):
        raise UsageError(f"{option}: {shown} cannot be written: permission is missing.")
    return place


def _cause(error: OSError) -> str:
    """Why; of a folder that takes no files, as /proc, the system says that the file is missing."""
    return "its folder takes no files" if error.errno == errno.ENOENT else files.cause(error)
