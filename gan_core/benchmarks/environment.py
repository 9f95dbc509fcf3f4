"""What figures depend on besides the code: device, processor, threads, PyTorch, number format."""

from __future__ import annotations

from typing import Any

import torch

from gan_core.system.processor import processor_name
from gan_core.training.devices import device_name
from gan_core.training.trainer import Trainer


def describe(device: torch.device) -> dict[str, Any]:
    """Everything about this machine that a report must say."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return {
        "device": device_name(device),
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "avx512_bf16": bool(supported()),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def in_words(environment: dict[str, Any]) -> str:
    """What `describe` says, in a line."""
    device, processor = environment["device"], environment["processor"]
    # A CPU's name is part of the device's; beside a GPU it is worth a word.
    host = "" if processor in device else f"{processor}, "
    return (f"{device} ({host}{environment['instructions']}, avx512_bf16: "
            f"{'yes' if environment['avx512_bf16'] else 'no'}), torch {environment['torch']}")


def precision_of(trainer: Trainer) -> str:
    """The number format of its matrix products."""
    return "bfloat16" if trainer.bfloat16 else "float32"
