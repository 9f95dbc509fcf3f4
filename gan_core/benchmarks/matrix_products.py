"""Matrix products and convolutions of a training step: their FLOPs, and their time alone.

They are recorded while one of our own steps runs, whatever its networks, loss and penalties. The
matrix-product bound repeats them with nothing in between: same operations, same order, same tensors
and so the same shapes, layouts and number formats. No step that asks for these products can be
faster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import flop_registry

from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer

aten = torch.ops.aten
IN_PLACE_OF = {aten.mm.default: aten.mm.out, aten.addmm.default: aten.addmm.out,
               aten.bmm.default: aten.bmm.out, aten.baddbmm.default: aten.baddbmm.out}


class MatrixProducts(TorchDispatchMode):
    """Adds up the FLOPs of the matrix products that run while it is entered, and with `keep` keeps
    the products, to be repeated.

    FLOPs are those of PyTorch's own formulas. Its FlopCounterMode also sorts them by module, and
    that fails on the gradient of a gradient.
    """

    def __init__(self, keep: bool = False) -> None:
        super().__init__()
        self.keep = keep
        self.flops = 0
        self.products: list[Callable[[], Any]] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: tuple = (), named: dict | None = None
    ) -> Any:
        named = named or {}
        result = operation(*arguments, **named)
        formula = flop_registry.get(operation.overloadpacket)
        if formula is not None:
            self.flops += formula(*arguments, **named, out_val=result)
            if self.keep:
                self._keep(operation, arguments, named, result)
        return result

    def _keep(self, operation: Any, arguments: tuple, named: dict, result: Any) -> None:
        # Detached: the step's graph must not stay in memory with its tensors.
        arguments, named = tree_map_only(Tensor, Tensor.detach, (arguments, named))
        if operation in IN_PLACE_OF:  # the time of an allocation is not a product's
            operation = IN_PLACE_OF[operation]
            named = {**named, "out": torch.empty_like(result, requires_grad=False)}
        self.products.append(lambda: operation(*arguments, **named))


class MatrixProductBound:
    """The matrix products of one step of `config`; `flops` is their sum."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        trainer = Trainer(config, device)
        trainer.train_step()  # the first one also allocates what later ones reuse
        with MatrixProducts(keep=True) as recorded:
            trainer.train_step()
        self.products, self.flops = recorded.products, recorded.flops

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """Repeat the products of `steps` steps."""
        for _ in range(steps):
            for product in self.products:
                product()
