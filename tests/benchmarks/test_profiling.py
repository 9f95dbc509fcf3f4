"""The profile: every network, loss and penalty has its row, every operator its group, and no step
makes the host wait. No test asserts a wall time."""

from __future__ import annotations

import json

import pytest
import torch

from gan_core import __main__ as cli
from gan_core.benchmarks import profiling
from gan_core.benchmarks.cases import CONTESTS
from gan_core.config.choices import ARCHITECTURES, LOSSES, OPTIMIZERS, UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Training

CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "group"), [
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
])
def test_every_operator_has_its_group(name, group):
    """Otherwise the profile would blame the wrong thing."""
    assert profiling.group_of(name) == group


def test_every_network_has_a_row_for_every_loss_and_penalty_that_it_can_have():
    rows = dict(profiling.cases(list(CONTESTS)))
    assert {(c.architecture, c.loss) for c in rows.values()} == {
        (a, loss) for a in ARCHITECTURES for loss in LOSSES}
    for penalty in ("gradient_penalty", "r1", "r2"):
        assert {c.architecture for c in rows.values() if getattr(c, penalty)} == {
            a for a, card in ARCHITECTURES.items() if not card.batch_norm_in_d}
    assert list(dict(profiling.cases(["wgan_gp"]))) == ["wgan_gp"]


def test_profile_tells_where_a_steps_time_goes(monkeypatch, capsys):
    """The groups add up to a step, and the matrix products of an MLP are among the slowest."""
    monkeypatch.setattr(profiling, "PROFILE_SECONDS", 0.0)
    monkeypatch.setattr(profiling, "LOSSES", ["hinge"])
    monkeypatch.setattr(profiling, "PENALTIES", {})
    arguments = ["bench", "--profile", "--network", "mlp", "--device", "cpu", "--threads", "1"]
    assert cli.main([*arguments, "--json"]) == 0
    found, = json.loads(capsys.readouterr().out)["profiles"].values()
    assert sum(found["milliseconds"].values()) == pytest.approx(found["profiled_ms"])
    assert set(found["milliseconds"]) == {*profiling.GROUPS, profiling.OUTSIDE}
    assert min(found["milliseconds"].values()) >= 0
    assert {"aten::mm", "aten::addmm"} & set(found["slowest"])
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    for word in ("mlp, hinge", "optimiser", "waits", "slowest", "mm"):
        assert word in out


# --- waiting --------------------------------------------------------------------------------------

EVERY_CASE = dict(profiling.cases(list(CONTESTS)))
MECHANISMS = {
    **{f"optimizer {name}": {"optimizer": name} for name in OPTIMIZERS},
    **{f"order {name}": {"update_order": name} for name in UPDATE_ORDERS},
    "averaged": {"ema": 0.999}, "clipped": {"gradient_clip": 1.0}, "weights": {"weight_clip": 0.01},
    "spectral": {"spectral_norm": True}, "dropout": {"dropout": 0.4}, "augment": {"augment": True},
    "noise": {"input_noise": 0.1, "input_noise_steps": 10}, "packed": {"packing": 2},
    "stddev": {"minibatch_stddev": True}, "smooth": {"label_smoothing": 0.1},
    "balanced": {"balanced_sampling": True}, "two D, two G": {
        "discriminator_steps": 2, "generator_steps": 2},
}


@pytest.mark.parametrize("config", [
    *EVERY_CASE.values(), *(RunConfig(**changes) for changes in MECHANISMS.values())],
    ids=[*EVERY_CASE, *MECHANISMS])
def test_no_step_waits_for_the_device(config):
    """On a GPU, each wait would leave it idle while Python prepares the next operation."""
    training = Training(config.replace(batch_size=8), CPU)
    training.train_step()
    assert profiling.synchronisations(training) == 0


@pytest.mark.parametrize("wait", [
    lambda x: x.sum().item(), lambda x: float(x[0]), lambda x: bool((x > 0).all()),
    lambda x: x[x > 0], torch.nonzero])
def test_a_wait_is_seen(wait, monkeypatch):
    """Otherwise the test above would pass whatever a step does."""
    training = Training(RunConfig(dataset="ring"), CPU)
    step = training.train_step
    monkeypatch.setattr(training, "train_step", lambda: (step(), wait(torch.ones(3))))
    assert profiling.synchronisations(training) > 0


@pytest.mark.gpu
@pytest.mark.parametrize("config", EVERY_CASE.values(), ids=EVERY_CASE)
def test_no_step_waits_for_a_gpu(config):
    """The driver's own word: PyTorch raises at the first call that waits."""
    training = Training(config.replace(batch_size=8), "auto")
    training.train_step()
    if training.device.type != "cuda":
        pytest.skip("only CUDA can tell")
    torch.cuda.set_sync_debug_mode("error")
    try:
        training.train_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
