"""The bound repeats the matrix products of a real step, every one of them, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.cases import CASES
from gan_core.benchmarks.matrix_products import MatrixProductBound, MatrixProducts
from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")
SMALL = {name: case.config.replace(batch_size=4) for name, case in CASES.items()}
R1_R2 = RunConfig(dataset="ring", batch_size=4, r1=1.0, r2=1.0)


def test_the_bound_counts_every_product_of_a_step_and_no_other():
    """At batch 64 the sizes 784-512-256-1 and 100-256-512-784, by hand."""
    d = 784 * 512 + 512 * 256 + 256
    g = 100 * 256 + 256 * 512 + 512 * 784
    d_update = 128 * (d + d + (d - 784 * 512))  # forward, weights, inputs but the images
    g_update = 64 * (d + d + g + (g - 100 * 256))  # D there and back, G's weights and inputs
    bound = MatrixProductBound(RunConfig(), CPU)
    assert bound.flops == 2 * (64 * g + d_update + g_update)
    # Forward: G 3, D 3; D's weights 3 and inputs 2; D 3 and inputs 3; G's weights 3 and inputs 2.
    assert len(bound.products) == 22


@pytest.mark.parametrize("config", [*SMALL.values(), R1_R2], ids=[*SMALL, "R1 + R2"])
def test_what_is_repeated_is_what_a_step_costs(config):
    """Products left out would make the bound, and our distance from it, look better or worse."""
    bound = MatrixProductBound(config, CPU)
    with MatrixProducts(keep=True) as repeated:
        bound.advance(2)
    assert 2 * bound.flops == repeated.flops
    assert len(repeated.products) == 2 * len(bound.products)
    assert bound.flops == sum(step_cost.count_flops(Trainer(config, CPU)).values())


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
def test_products_are_repeated_in_the_precision_of_the_step(name, precision):
    """A bound in another format would be that of another step."""
    bound = MatrixProductBound(SMALL[name].replace(precision=precision), CPU)
    with Formats() as formats:
        bound.advance(1)
    assert formats.seen == {getattr(torch, precision)}


def test_the_bound_keeps_no_graph_of_the_step():
    """Otherwise a repetition would be recorded by autograd, which costs time."""
    results = [product() for product in MatrixProductBound(SMALL["mlp"], CPU).products]
    assert not any(result.requires_grad for result in results)
