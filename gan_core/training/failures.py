"""Why a training failed, in one sentence for people. Torch-free."""

from __future__ import annotations


def failure_text(error: Exception, work: str) -> str:
    """Why `work` (a noun) failed."""
    if is_out_of_memory(error):
        return f"The {work} ran out of memory; a smaller batch needs less."
    if type(error).__name__ == "DatasetError":  # it is a sentence for people already
        return str(error)
    return f"The {work} failed: {type(error).__name__}: {_first_line(error)}."


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
