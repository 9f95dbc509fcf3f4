"""The imports of a program: one line for each name that its code uses."""

from __future__ import annotations

from gan_core.export.code.loss_source import imported
from gan_core.export.code.section import names_in

WHOLE = {"argparse": "import argparse", "copy": "import copy", "np": "import numpy as np",
         "torch": "import torch"}
FROM = {
    "Path": "pathlib", "namedtuple": "collections",
    "nn": "torch",
    "max_pool2d": "torch.nn.functional", "pad": "torch.nn.functional",
    "relu": "torch.nn.functional", "softplus": "torch.nn.functional",
    "spectral_norm": "torch.nn.utils.parametrizations",
    "MNIST": "torchvision.datasets", "FashionMNIST": "torchvision.datasets",
    "save_image": "torchvision.utils",
}
OF_PYTHON = ("argparse", "collections", "copy", "pathlib")


def imports(code: str) -> str:
    """Those that `code` needs: Python's own, then the others, each sorted."""
    used = names_in(code)
    modules: dict[str, list[str]] = {}
    known = {**imported(), **FROM}
    for name in sorted(used & known.keys()):
        modules.setdefault(known[name], []).append(name)
    lines = {WHOLE[name].split()[1]: WHOLE[name] for name in used & WHOLE.keys()}
    groups: tuple[list[str], list[str]] = ([], [])
    for module in sorted(lines):
        groups[module not in OF_PYTHON].append(lines[module])
    for module in sorted(modules):
        line = f"from {module} import {', '.join(modules[module])}"
        groups[module not in OF_PYTHON].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group)
