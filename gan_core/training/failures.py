"""Why a training failed, in one sentence for people. Torch-free."""

from __future__ import annotations

from pathlib import Path

from gan_core.runs.status import StoreError
from gan_core.system import files


def failure_text(error: Exception, work: str) -> str:
    """Why `work` (a noun) failed."""
    if is_out_of_memory(error):
        return f"The {work} ran out of memory; a smaller batch needs less."
    if type(error).__name__ == "DatasetError":  # it is a sentence for people already
        return str(error)
    return f"The {work} failed: {_cause(error)}."


def _cause(error: Exception) -> str:
    """A clause without paths, which are nobody's business but the server's."""
    if isinstance(error, StoreError):
        return error.cause
    if isinstance(error, OSError):
        name = Path(error.filename).name if isinstance(error.filename, str) else ""
        return f"{name}: {files.cause(error)}" if name else files.cause(error)
    return f"{type(error).__name__}: {_first_line(error)}"


def is_out_of_memory(error: Exception) -> bool:
    # PyTorch has its own class for a GPU, and for the CPU a RuntimeError with this text.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def _first_line(error: Exception) -> str:
    """Without its full stop."""
    return next(iter(str(error).strip().splitlines()), "no message")[:300].rstrip(".")
