"""The cost of a step: exact where it can be, and measured without changing the step.

No test asserts a wall time.
"""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.memory import MEMORY_PARTS, account_memory
from gan_core.benchmarks.step_cost import count_flops
from gan_core.benchmarks.step_phases import PARTS, PHASES
from gan_core.config.choices import ARCHITECTURES, UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.training.penalties import PENALTIES
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")
POINTS = RunConfig(dataset="ring", latent_dim=3, batch_size=8, width=0.25, depth=1,
                   precision="float32")  # G 3-32-2, D 2-32-1
N, Z, H, X = 8, 3, 32, 2
EVERYTHING = RunConfig(dataset="ring", batch_size=8, gradient_penalty=1, r1=1, r2=1, dropout=0.2,
                       input_noise=0.1, spectral_norm=True, ema=0.9, gradient_clip=1, packing=2,
                       discriminator_steps=3, generator_steps=2, minibatch_stddev=True)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    for name in ("ROUNDS", "WARM_UP", "OBSERVATIONS"):
        monkeypatch.setattr(step_cost, name, 1)


def flops_of(config: RunConfig) -> dict[str, int]:
    return count_flops(Trainer(config, CPU))


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


@pytest.mark.usefixtures("plain_step")
def test_flops_of_a_small_mlp_are_those_computed_by_hand():
    """2 · n · in · out for each Linear, in each direction that a step asks for."""
    assert flops_of(POINTS) == {**dict.fromkeys(PHASES, 0), **PLAIN}


@pytest.mark.usefixtures("plain_step")
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
    between = flops_of(POINTS.replace(gradient_penalty=1))
    assert between == {**dict.fromkeys(PHASES, 0), **PLAIN,
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
def test_the_sum_is_what_pytorchs_counter_says(architecture):
    """FLOPs would not be comparable with those that others publish."""
    config = RunConfig(architecture=architecture, batch_size=4, dropout=0.2, ema=0.9)
    with FlopCounterMode(display=False) as counter:
        Trainer(config, CPU).train_step()
    assert total(config) == counter.get_total_flops()


@pytest.mark.parametrize("order", [order for order in UPDATE_ORDERS if order != "simultaneous"])
def test_five_critic_steps_cost_five_times_ds(order):
    """The price of more D steps would be too small or too large."""
    one = flops_of(POINTS.replace(update_order=order, gradient_penalty=1))
    five = flops_of(POINTS.replace(update_order=order, gradient_penalty=1, discriminator_steps=5))
    fivefold = ("discriminator_forward", "discriminator_backward", "penalty", "generation")
    assert five == {name: flops * (5 if name in fivefold else 1) for name, flops in one.items()}


@pytest.mark.usefixtures("plain_step")
def test_packing_costs_fewer_and_wider_inputs():
    """Half as many inputs, of twice the length: the layer of inputs costs the same."""
    flops = flops_of(POINTS.replace(packing=2))["discriminator_forward"]
    assert flops == 2 * N * (2 * X * H + H)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp_reference", "dcgan"])
def test_the_penalty_is_charged_with_its_own_work_and_all_of_it(penalty, architecture):
    """The other phases are those of the step without it, although one backward pass does both."""
    config = RunConfig(architecture=architecture, batch_size=4, minibatch_stddev=True)
    without, penalised = flops_of(config), flops_of(config.replace(**{penalty: 1.0}))
    assert penalised.pop("penalty") > without.pop("penalty") == 0
    assert penalised == without


def test_what_costs_more_is_reported_to_cost_more():
    """The page Computational cost would rank remedies in the wrong order."""
    assert total(POINTS) < total(POINTS.replace(width=0.5)) < total(POINTS.replace(width=1.0))
    assert total(POINTS) < total(POINTS.replace(depth=2))
    assert 2 * total(POINTS) == total(POINTS.replace(batch_size=2 * N))
    deep = RunConfig(dataset="ring")
    assert total(deep) < total(deep.replace(gradient_penalty=1))
    assert total(deep.replace(r1=1)) < total(deep.replace(r1=1, r2=1))
    assert total(deep.replace(gradient_penalty=1)) < total(deep.replace(gradient_penalty=1, r1=1))


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])  # without pairs and with
def test_a_measured_training_is_the_same_training(loss):
    """Otherwise the cost would be that of another step."""
    config = EVERYTHING.replace(loss=loss)
    measured, trained = Trainer(config, CPU), Trainer(config, CPU)
    count_flops(measured)
    account_memory(measured)
    step_cost.time_phases(measured, 2)
    for _ in range(measured.step):
        trained.train_step()
    for name in ("generator", "discriminator"):
        pairs = zip(getattr(measured.state, name).parameters,
                    getattr(trained.state, name).parameters, strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


def test_a_cost_is_that_of_the_settings_which_a_run_begins_with():
    """A change of the loss amid the timed steps would leave phases at 0 ms, and FLOPs and times
    would be of different settings."""
    config = POINTS.replace(schedule="@3 loss=hinge r1=1", freeze_generator=2)
    changing, steady = step_cost.costs([config, POINTS], CPU, 5)
    assert changing.flops == steady.flops
    assert changing.memory == steady.memory
    acting = [phase for phase in PHASES if phase != "penalty"]
    assert not [phase for phase in acting if changing.milliseconds[phase] <= 0]
    assert changing.milliseconds["penalty"] == 0
    words = step_cost.in_words(changing, steady, 5)
    assert "until step 3, and before G is frozen at step 2." in words
    assert "until step" not in step_cost.in_words(steady, steady, 5)


def test_a_steps_share_of_observations_is_that_of_a_session():
    """1000 steps: evaluations at 0, 250, …, 1000 and 24 other sample sheets: the 16 other fifties,
    and 8 more in the first hundred."""
    milliseconds = {"evaluation": 100.0, "samples": 10.0}
    share = step_cost.observations_per_step(milliseconds, 1000)
    assert share == pytest.approx((5 * 100 + 24 * 10) / 1000)


def test_evaluations_and_sheets_are_timed_without_training(monkeypatch):
    """`cost` would charge sheets with evaluations, or a step with both."""
    evaluations = []

    def seconds(work, device, clock):
        work()
        return 0.1 if evaluations[-1] else 0.01

    trainer = Trainer(POINTS, CPU)
    monkeypatch.setattr(trainer.evaluator, "records",
                        lambda step, *, evaluation, **_: evaluations.append(evaluation))
    monkeypatch.setattr(step_cost, "seconds_of", seconds)
    assert step_cost.time_observations(trainer) == {"evaluation": 100.0, "samples": 10.0}
    assert trainer.step == 0


# --- all of it ------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_devices_peak_is_at_least_what_was_counted():
    """The page would say that a run fits into a GPU where it does not."""
    cost = step_cost.cost(POINTS, torch.device("cuda"), 2)
    assert cost.device_peak >= sum(cost.memory.values())


def test_a_cost_is_plain_values_whose_sums_are_right():
    """`cost --json` would fail, or contradict itself."""
    report = json.loads(json.dumps(step_cost.cost(EVERYTHING, CPU, 3).to_dict()))
    assert set(report["flops"]) == set(report["milliseconds"]) == set(PHASES)
    assert set(report["memory"]) == set(MEMORY_PARTS)
    for name in ("flops", "milliseconds"):
        by_part = report[f"{name}_by_part"]
        assert set(by_part) == set(PARTS) == {"D", "G", "penalty", "rest"}
        assert sum(by_part.values()) == pytest.approx(sum(report[name].values()))
        assert report[f"{name}_total"] == pytest.approx(sum(report[name].values()))
    assert report["memory_total"] == sum(report["memory"].values())
    assert report["images_per_second"] == pytest.approx(1e3 * 8 * 3 / report["step_ms"])
    assert all(milliseconds > 0 for milliseconds in report["milliseconds"].values())
    assert min(report["step_ms"], report["evaluation_ms"]) > 0
    assert report["device_peak"] is None
    state = Trainer(EVERYTHING, CPU).state
    assert report["parameters"] == {
        name: sum(weight.numel() for weight in getattr(state, name).network.parameters())
        for name in ("generator", "discriminator")}


def test_a_frozen_generator_is_priced_as_if_it_moved():
    """A step's cost would depend on how many steps are timed."""
    cost = step_cost.cost(EVERYTHING.replace(freeze_generator=2), CPU, 3)
    assert cost.config.freeze_generator == 2
    assert cost.flops == flops_of(EVERYTHING)
    assert cost.milliseconds["generator_optimizer"] > 0


def test_a_remedys_price_is_relative_to_equal_networks_and_batch():
    """A remedy would look dear for having larger networks."""
    config = POINTS.replace(r1=1, dropout=0.4, packing=2, optimizer="sgd", steps=70, seed=3)
    plain = step_cost.plain(config)
    assert plain == POINTS.replace(steps=70)
    cost, base = step_cost.beside_plain(config, CPU, 1)
    price = step_cost.relative(cost, base)
    assert price["flops"] == total(config) / total(plain)
    assert price["milliseconds"] == cost.step_ms / base.step_ms
    assert step_cost.relative(base, base) == dict.fromkeys(price, 1.0)
    same, again = step_cost.beside_plain(plain, CPU, 1)
    assert same is again


def test_no_product_of_an_architecture_escapes_the_count():
    """G's samples take at least one product for each weight and example, whatever its layers."""
    for architecture, card in ARCHITECTURES.items():
        dataset = "mnist" if "image" in card.kinds else "ring"
        trainer = Trainer(RunConfig(dataset=dataset, architecture=architecture, batch_size=4), CPU)
        weights = sum(layer.weight.numel() for layer in trainer.state.generator.network.modules()
                      if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d))
        assert count_flops(trainer)["generation"] >= 2 * 4 * weights, architecture
