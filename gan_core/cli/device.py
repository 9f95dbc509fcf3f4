"""Threads and device of a command: the first place at which it imports torch."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from gan_core.cli.arguments import UsageError
from gan_core.system.settings import Settings

if TYPE_CHECKING:
    import torch


def prepare_device(options: Namespace, settings: Settings) -> torch.device:
    """Set the number of compute threads and return the device. Raises UsageError.

    A worker of the app does the same: another number of threads adds in another order, which
    changes the last digits of a sum, and a GAN's trajectory amplifies them.
    """
    threads = options.threads or settings.threads
    if "torch" not in sys.modules:  # the libraries below it read these when they are loaded
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    from gan_core.training.devices import DeviceError, pick_device, set_up_process

    set_up_process(threads)
    try:
        return pick_device(options.device or settings.device)
    except DeviceError as error:
        raise UsageError(str(error)) from None


def check_processor_time(options: Namespace, settings: Settings, device: torch.device) -> None:
    """Raises UsageError if --processor-time is asked for where it would not be the time."""
    threads = options.threads or settings.threads
    if options.processor_time and (device.type, threads) != ("cpu", 1):
        raise UsageError("--processor-time takes a CPU and one thread: --device cpu --threads 1.")
