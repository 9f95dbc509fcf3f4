"""The account of a step: exact where it can be, and the step itself untouched by being watched.

No test asserts a wall time.
"""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gan_core.benchmarks import step_cost as account
from gan_core.benchmarks.memory import HOLDINGS, account_memory
from gan_core.benchmarks.step_cost import count_flops
from gan_core.benchmarks.step_phases import PARTS, PHASES, Watched
from gan_core.config.choices import ARCHITECTURES, UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.training.penalties import PENALTIES
from gan_core.training.trainer import Training, evaluation_due

CPU = torch.device("cpu")
POINTS = RunConfig(dataset="ring", latent_dim=3, batch_size=8, width=0.25, depth=1,
                   precision="float32")  # G 3-32-2, D 2-32-1
N, Z, H, X = 8, 3, 32, 2
EVERYTHING = RunConfig(dataset="ring", batch_size=8, gradient_penalty=1, r1=1, r2=1, dropout=0.2,
                       input_noise=0.1, spectral_norm=True, ema=0.9, gradient_clip=1, packing=2,
                       discriminator_steps=3, generator_steps=2, minibatch_stddev=True)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    for name in ("ROUNDS", "WARM_UP", "LOOKS"):
        monkeypatch.setattr(account, name, 1)


def flops_of(config: RunConfig) -> dict[str, int]:
    return count_flops(Watched(config, CPU))


def total(config: RunConfig) -> int:
    return sum(flops_of(config).values())


# --- FLOPs ----------------------------------------------------------------------------------------

G, D = Z * H + H * X, X * H + H  # multiplications for one example, forward; as many for weights
G_IN, D_IN = H * X, H  # and back to the hidden units alone, not to latents or data
PLAIN = {
    "generation": 2 * N * G,
    "discriminator_forward": 2 * 2 * N * D,  # reals and samples
    "discriminator_backward": 2 * 2 * N * (D + D_IN),
    "generator_forward": 2 * N * D,
    "generator_backward": 2 * N * (D + G + G_IN),  # D's weights get no gradient here
}


def test_flops_of_a_small_mlp_are_those_computed_by_hand():
    """2 · n · in · out for each Linear, in each direction that a step asks for."""
    assert flops_of(POINTS) == {**dict.fromkeys(PHASES, 0), **PLAIN}


def test_flops_of_penalties_are_those_computed_by_hand():
    """R1 goes back to D's inputs, and back through that: D's two weights twice each. It asks for
    reals alone; with R2 as many fakes come.

    ∇D = W₁ᵀ (s ⊙ w₂) with slopes s. Its own backward pass needs the gradients of W₁ and of
    s ⊙ w₂ (as many multiplications each), then that of w₂. The gradient penalty first asks D at
    points in between, half as many; from there it is the same, but for LeakyReLU's second
    derivative: the zeros that PyTorch makes of it go back to W₁ through a pass which only the
    penalty has. With R1 they join the loss's gradients.
    """
    def twice(rows: int) -> int:
        return 2 * rows * (D + X * H + X * H + H)

    r1 = flops_of(POINTS.replace(r1=1))
    assert r1 == {**dict.fromkeys(PHASES, 0), **PLAIN, "penalty": twice(N)}
    both = flops_of(POINTS.replace(r1=1, r2=1))
    assert both == {**r1, "penalty": twice(2 * N)}
    found = flops_of(POINTS.replace(gradient_penalty=1))
    assert found == {**dict.fromkeys(PHASES, 0), **PLAIN,
                     "penalty": 2 * N * D + twice(N) + 2 * N * X * H}


def test_a_gradient_penalty_on_images_sends_no_zeros_back():
    """Where products fill the step, a whole pass of multiplications by zero is left out."""
    config = RunConfig(batch_size=N, width=0.25, gradient_penalty=1.0)
    layers = [784 * 128, 128 * 64, 64]
    d, last = sum(layers), layers[-1]
    # D in between, back to the inputs, and each product of that but the last back twice.
    assert flops_of(config)["penalty"] == 2 * N * (d + d + 2 * (d - last) + last)


def test_flops_of_a_convolution_are_those_computed_by_hand():
    """DCGAN's D: 16 taps into each of 14×14 pixels of 32 channels, then 7×7 of 64."""
    config = RunConfig(architecture="dcgan", batch_size=4, precision="float32")
    one = 14 * 14 * 32 * 16 + 7 * 7 * 64 * 32 * 16 + 49 * 64
    assert flops_of(config)["generator_forward"] == 2 * 4 * one


@pytest.mark.parametrize("architecture", ["mlp_reference", "dcgan", "dcgan_reference"])
def test_the_sum_is_what_pytorchs_own_counter_says(architecture):
    config = RunConfig(architecture=architecture, batch_size=4, dropout=0.2, ema=0.9)
    with FlopCounterMode(display=False) as counter:
        Training(config, CPU).train_step()
    assert total(config) == counter.get_total_flops()


@pytest.mark.parametrize("order", [order for order in UPDATE_ORDERS if order != "simultaneous"])
def test_five_critic_steps_cost_five_times_ds(order):
    one = flops_of(POINTS.replace(update_order=order, gradient_penalty=1))
    five = flops_of(POINTS.replace(update_order=order, gradient_penalty=1, discriminator_steps=5))
    fivefold = ("discriminator_forward", "discriminator_backward", "penalty", "generation")
    assert five == {name: own * (5 if name in fivefold else 1) for name, own in one.items()}


def test_packing_costs_fewer_and_wider_judgements():
    """Half as many inputs, of twice the length: the layer of inputs costs the same."""
    found = flops_of(POINTS.replace(packing=2))["discriminator_forward"]
    assert found == 2 * N * (2 * X * H + H)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp_reference", "dcgan"])
def test_the_penalty_is_charged_with_all_and_only_its_own(penalty, architecture):
    """The other phases are those of the step without it, although one backward pass does both."""
    config = RunConfig(architecture=architecture, batch_size=4, minibatch_stddev=True)
    without, found = flops_of(config), flops_of(config.replace(**{penalty: 1.0}))
    assert found.pop("penalty") > without.pop("penalty") == 0
    assert found == without


def test_what_costs_more_is_told_to_cost_more():
    assert total(POINTS) < total(POINTS.replace(width=0.5)) < total(POINTS.replace(width=1.0))
    assert total(POINTS) < total(POINTS.replace(depth=2))
    assert 2 * total(POINTS) == total(POINTS.replace(batch_size=2 * N))
    deep = RunConfig(dataset="ring")
    assert total(deep) < total(deep.replace(gradient_penalty=1))
    assert total(deep.replace(r1=1)) < total(deep.replace(r1=1, r2=1))
    assert total(deep.replace(gradient_penalty=1)) < total(deep.replace(gradient_penalty=1, r1=1))


# --- watching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])  # without pairs and with
def test_a_watched_training_is_the_same_training(loss):
    """Otherwise the cost told would be that of another step."""
    config = EVERYTHING.replace(loss=loss)
    watched, trained = Watched(config, CPU), Training(config, CPU)
    count_flops(watched)
    account_memory(watched)
    account.time_phases(watched, 2)
    for _ in range(watched.step):
        trained.train_step()
    for mine, theirs in zip(watched.parameters_g + watched.parameters_d,
                            trained.parameters_g + trained.parameters_d, strict=True):
        assert torch.equal(mine, theirs)


# --- all of it ------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_devices_peak_is_at_least_what_was_counted():
    found = account.cost(POINTS, torch.device("cuda"), 2)
    assert found.device_peak >= sum(found.memory.values())


def test_a_cost_is_plain_values_whose_sums_are_right():
    found = account.cost(EVERYTHING.replace(freeze_generator=2), CPU, 3)
    told = json.loads(json.dumps(found.to_dict()))
    assert set(told["flops"]) == set(told["milliseconds"]) == set(PHASES)
    assert set(told["memory"]) == set(HOLDINGS)
    for name in ("flops", "milliseconds"):
        assert set(told[f"{name}_by_part"]) == set(PARTS) == {"D", "G", "penalty", "rest"}
        assert sum(told[f"{name}_by_part"].values()) == pytest.approx(sum(told[name].values()))
    assert told["flops_total"] == sum(told["flops"].values())
    assert told["milliseconds_total"] == pytest.approx(sum(told["milliseconds"].values()))
    assert told["memory_total"] == sum(told["memory"].values())
    assert told["images_per_second"] == pytest.approx(1e3 * 8 * 3 / told["step_ms"])
    assert all(own > 0 for own in told["milliseconds"].values())
    assert min(told["step_ms"], told["evaluation_ms"]) > 0
    assert told["device_peak"] is None
    trained = Training(EVERYTHING, CPU)
    for name, own in told["parameters"].items():
        assert own == sum(weight.numel() for weight in getattr(trained, name).parameters())
    assert RunConfig.from_dict(told["config"]).freeze_generator == 2


def test_a_steps_share_of_looking_is_a_sessions(monkeypatch):
    """1000 steps: evaluations at 0, 250, …, 1000 and 16 other sample sheets."""
    looks = []

    def seconds(work, device, clock):
        work()
        return {True: 100.0, False: 10.0}[evaluation_due(looks[-1])]

    training = Watched(POINTS, CPU)
    monkeypatch.setattr(training, "_look", lambda **parts: looks.append(training.step) or [])
    monkeypatch.setattr(account, "_clocked", seconds)
    assert account.time_looks(training, 1000) == pytest.approx((5 * 100 + 16 * 10) / 1000)
    assert training.step == 0


def test_a_remedys_price_is_relative_to_equal_networks_and_batch():
    config = POINTS.replace(r1=1, dropout=0.4, packing=2, optimizer="sgd", steps=70, seed=3)
    base = account.plain(config)
    assert base == POINTS.replace(steps=70)
    found, other = account.beside_plain(config, CPU, 1)
    price = account.relative(found, other)
    assert price["flops"] == total(config) / total(base)
    assert price["milliseconds"] == found.step_ms / other.step_ms
    assert account.relative(other, other) == dict.fromkeys(price, 1.0)
    same, again = account.beside_plain(base, CPU, 1)
    assert same is again


def test_no_product_of_an_architecture_escapes_the_count():
    """G's samples take at least one product for each weight and example, whatever its layers."""
    for architecture, card in ARCHITECTURES.items():
        dataset = "mnist" if "image" in card.kinds else "ring"
        training = Watched(RunConfig(dataset=dataset, architecture=architecture, batch_size=4), CPU)
        weights = sum(layer.weight.numel() for layer in training.generator.modules()
                      if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d))
        assert count_flops(training)["generation"] >= 2 * 4 * weights
