"""The profile: every network, loss and penalty has its row, every operator its group, and no step
makes the host wait. No test asserts a wall time."""

from __future__ import annotations

import json

import pytest
import torch

from gan_core.benchmarks import profiling
from gan_core.benchmarks.cases import CASES
from gan_core.cli.main import main
from gan_core.config.choices import ARCHITECTURES, LOSSES, OPTIMIZERS, UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")


GROUPS = [  # operator, its group
    ("aten::mm", "matrix products"), ("aten::addmm", "matrix products"),
    ("aten::baddbmm", "matrix products"), ("aten::bmm", "matrix products"),
    ("aten::mkldnn_convolution", "matrix products"),
    ("aten::convolution_backward", "matrix products"), ("aten::addmv_", "matrix products"),
    ("aten::_fused_adam_", "optimiser"), ("Optimizer.step#Adam.step", "optimiser"),
    ("aten::_foreach_norm", "norms and reductions"),
    ("aten::native_batch_norm_backward", "norms and reductions"),
    ("aten::normal_", "random draws and data"), ("aten::randint", "random draws and data"),
    ("aten::_to_copy", "casts, copies and views"), ("aten::t", "casts, copies and views"),
    ("aten::tanh", "elementwise"), ("aten::softplus_backward", "elementwise"),
    ("aten::clamp_min", "elementwise"), ("aten::add", "elementwise"),
    ("AddmmBackward0", profiling.OUTSIDE),
    ("autograd::engine::evaluate_function: MmBackward0", profiling.OUTSIDE),
]


def test_every_operator_has_its_group():
    """Otherwise the profile would blame the wrong thing."""
    wrong = [(name, profiling.group_of(name), group) for name, group in GROUPS
             if profiling.group_of(name) != group]
    assert not wrong


def test_every_network_has_a_row_for_every_loss_and_penalty_that_it_can_have():
    """A mechanism whose step is slow would not be noticed."""
    rows = dict(profiling.cases(list(CASES)))
    assert {(c.architecture, c.loss) for c in rows.values()} == {
        (a, loss) for a in ARCHITECTURES for loss in LOSSES}
    for penalty in ("gradient_penalty", "r1", "r2"):
        assert {c.architecture for c in rows.values() if getattr(c, penalty)} == {
            a for a, card in ARCHITECTURES.items() if not card.batch_norm_in_d}
    assert list(dict(profiling.cases(["wgan_gp"]))) == ["wgan_gp"]


def test_profile_says_where_a_steps_time_goes(monkeypatch, capsys):
    """The groups add up to a step, and the matrix products of an MLP are among the slowest."""
    monkeypatch.setattr(profiling, "PROFILE_SECONDS", 0.0)
    monkeypatch.setattr(profiling, "LOSSES", ["hinge"])
    monkeypatch.setattr(profiling, "PENALTIES", {})
    arguments = ["bench", "--profile", "--network", "mlp", "--device", "cpu", "--threads", "1"]
    assert main([*arguments, "--json"]) == 0
    case, = json.loads(capsys.readouterr().out)["profiles"].values()
    assert sum(case["milliseconds"].values()) == pytest.approx(case["profiled_ms"])
    assert set(case["milliseconds"]) == {*profiling.GROUPS, profiling.OUTSIDE}
    assert min(case["milliseconds"].values()) >= 0
    assert {"aten::mm", "aten::addmm"} & set(case["slowest"])
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for word in ("mlp, hinge", "optimiser", "waits", "slowest", "mm"):
        assert word in out


# --- waiting --------------------------------------------------------------------------------------

EVERY_CASE = dict(profiling.cases(list(CASES)))
MECHANISMS = {
    **{f"optimizer {name}": {"optimizer": name} for name in OPTIMIZERS},
    **{f"order {name}": {"update_order": name} for name in UPDATE_ORDERS},
    "averaged": {"ema": 0.999}, "clipped": {"gradient_clip": 1.0}, "weights": {"weight_clip": 0.01},
    "spectral": {"spectral_norm": True}, "dropout": {"dropout": 0.4}, "augment": {"augment": True},
    "noise": {"input_noise": 0.1, "input_noise_steps": 10}, "packed": {"packing": 2},
    "stddev": {"minibatch_stddev": True}, "smooth": {"label_smoothing": 0.1},
    "flipped": {"label_flips": 0.1, "fake_label_smoothing": 0.1},
    "own optimiser": {"discriminator_optimizer": "rmsprop", "discriminator_beta1": 0.9},
    "balanced": {"balanced_sampling": True}, "two D, two G": {
        "discriminator_steps": 2, "generator_steps": 2},
}


def waits(config: RunConfig) -> int:
    trainer = Trainer(config.replace(batch_size=8), CPU)
    trainer.train_step()
    return profiling.synchronisations(trainer)


def test_no_step_waits_for_the_device():
    """On a GPU, every wait would leave it idle while Python prepares the next operation."""
    configs = {**EVERY_CASE,
               **{name: RunConfig(**changes) for name, changes in MECHANISMS.items()}}
    assert not [name for name, config in configs.items() if waits(config) > 0]


@pytest.mark.parametrize("wait", [
    lambda x: x.sum().item(), lambda x: float(x[0]), lambda x: bool((x > 0).all()),
    lambda x: x[x > 0], torch.nonzero])
def test_a_wait_is_seen(wait, monkeypatch):
    """Otherwise the test above would pass whatever a step does."""
    trainer = Trainer(RunConfig(dataset="ring"), CPU)
    step = trainer.train_step
    monkeypatch.setattr(trainer, "train_step", lambda: (step(), wait(torch.ones(3))))
    assert profiling.synchronisations(trainer) > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="only CUDA reports waits")
def test_no_step_waits_for_a_gpu():
    """As the driver sees it: PyTorch raises at the first call that waits."""
    waiting = {}
    for name, config in EVERY_CASE.items():
        trainer = Trainer(config.replace(batch_size=8), torch.device("cuda"))
        trainer.train_step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            trainer.train_step()
        except RuntimeError as error:
            waiting[name] = str(error)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert not waiting
