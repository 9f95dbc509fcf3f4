"""A secret that servers on one store share: made once, readable by its owner alone. Torch-free."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from gan_core.system import files

NAME = ".visitors.key"
BYTES = 32


def shared_secret(folder: Path) -> bytes:
    """The secret that is kept in `folder`, made if there is none. Where it cannot be kept, a new
    one, good for this process."""
    path, secret = folder / NAME, secrets.token_bytes(BYTES)
    with contextlib.suppress(OSError):
        if (kept := _read(path)) is not None:
            return kept
        folder.mkdir(parents=True, exist_ok=True)
        _keep(path, secret)
        return _read(path) or secret  # another server's, if that was quicker
    return secret


def _read(path: Path) -> bytes | None:
    """None where there is none, or where it is damaged."""
    try:
        content = files.read(path, BYTES)
    except OSError:
        return None
    return content if len(content) == BYTES else None


def _keep(path: Path, secret: bytes) -> None:
    """Write the secret, unless there is one. Raises OSError where the folder cannot be written."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        try:
            # Whole at once, and never in place of one that another server has just made.
            os.link(temporary, path)
        except OSError:  # there is one, or this file system has no links
            if _read(path) is None:
                os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
