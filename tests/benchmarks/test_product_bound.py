"""The bound repeats the matrix products of a real step, every one of them, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.cases import CONTESTS
from gan_core.benchmarks.product_bound import Products, Recorder
from gan_core.benchmarks.step_phases import Watched
from gan_core.config.run_config import RunConfig

CPU = torch.device("cpu")
SMALL = {name: c.config.replace(batch_size=4) for name, c in CONTESTS.items()}
R1_R2 = RunConfig(dataset="ring", batch_size=4, r1=1.0, r2=1.0)


def test_the_bound_counts_every_product_of_a_step_and_no_other():
    """At batch 64 the sizes 784-512-256-1 and 100-256-512-784, by hand."""
    d = 784 * 512 + 512 * 256 + 256
    g = 100 * 256 + 256 * 512 + 512 * 784
    d_update = 128 * (d + d + (d - 784 * 512))  # forward, weights, inputs but the images
    g_update = 64 * (d + d + g + (g - 100 * 256))  # D there and back, G's weights and inputs
    products = Products(RunConfig(), CPU)
    assert products.flops == 2 * (64 * g + d_update + g_update)
    # Forward: G 3, D 3; D's weights 3 and inputs 2; D 3 and inputs 3; G's weights 3 and inputs 2.
    assert len(products.products) == 22


@pytest.mark.parametrize("config", [*SMALL.values(), R1_R2], ids=[*SMALL, "R1 + R2"])
def test_what_is_repeated_is_what_a_step_costs(config):
    """Products left out would make the bound, and our distance from it, look better or worse."""
    products = Products(config, CPU)
    with Recorder() as again:
        products.advance(2)
    assert 2 * products.flops == again.flops
    assert len(again.products) == 2 * len(products.products)
    assert products.flops == sum(step_cost.count_flops(Watched(config, CPU)).values())


class Formats(TorchDispatchMode):
    """Number formats of results."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        result = operation(*arguments, **(named or {}))
        self.seen |= {part.dtype for part in (result if isinstance(result, tuple) else [result])
                      if isinstance(part, torch.Tensor)}
        return result


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_products_are_repeated_in_the_steps_own_precision(name, precision):
    """A bound in another format would be that of another step."""
    products = Products(SMALL[name].replace(precision=precision), CPU)
    with Formats() as formats:
        products.advance(1)
    assert formats.seen == {getattr(torch, precision)}


def test_the_bound_keeps_no_graph_of_the_step():
    """Otherwise a repetition would be recorded by autograd, which costs time."""
    products = Products(SMALL["mlp"], CPU)
    results = [product() for product in products.products]
    assert not any(result.requires_grad for result in results)
