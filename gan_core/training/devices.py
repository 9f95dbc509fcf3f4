"""Where a run is computed: CUDA, Apple's MPS, or the CPU; and in which precision."""

from __future__ import annotations

import torch

from gan_core.config.run_config import RunConfig
from gan_core.system.processor import processor_name


class DeviceError(ValueError):
    """A device that this machine does not have."""


def pick_device(name: str = "auto") -> torch.device:
    """`name`, or the best this machine has: cuda, then mps, then cpu. Raises DeviceError."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
                 "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available.get(name.split(":")[0], False):
        there = ", ".join(kind for kind, present in available.items() if present)
        raise DeviceError(f"device must be one of auto, {there} on this machine, not {name!r}.")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise DeviceError(f"device {name!r} is not on this machine.") from None
    return device


def device_name(device: torch.device) -> str:
    """What to call the device in front of people: "AMD EPYC 7763 CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    count = torch.get_num_threads()
    return f"{processor_name()} CPU, {count} thread{'s' if count > 1 else ''}".lstrip()


def use_bfloat16(config: RunConfig, device: torch.device) -> bool:
    """Whether matrix products of a run of `config` are in bfloat16.

    `auto`: where the hardware multiplies it, and only for images. The small layers that 2-D points
    pass take less time than the casts around them.
    """
    if config.precision != "auto":
        return config.precision == "bfloat16"
    if config.card.kind == "points":
        return False
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # AMX includes it
    return device.type == "cpu" and supported()


def set_up_process(threads: int | None = None) -> None:
    """Make this process compute as every process of the lab does, with `threads` compute threads or
    as many as it has; may be called again.

    Numbers too small for full precision count as zero: on a processor the tiny gradients of a
    collapsed GAN would otherwise be slow, and a run's last bits would depend on who trains it.
    """
    torch.set_flush_denormal(True)
    if threads is not None:
        torch.set_num_threads(threads)
