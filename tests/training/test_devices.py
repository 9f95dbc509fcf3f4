"""Devices, number formats, and how a process is set up to compute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gan_core.system.processor import processor_name
from gan_core.training import devices
from gan_core.training.devices import DeviceError, set_up_process
from gan_core.training.trainer import Trainer, train
from tests.support.runs import TINY, TINY_IMAGES, last_gradients, networks_of, run, steps_of


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:x", "tpu", "cuda:-1", " "])
def test_a_device_that_is_not_there_is_refused_by_name(name):
    """Otherwise a typo in a setting would surface as an error inside torch."""
    with pytest.raises(DeviceError) as refusal:
        train(TINY, device=name)
    assert repr(name) in str(refusal.value)


def test_the_cpu_is_always_there():
    """Otherwise the app would not run on a plain laptop."""
    assert devices.pick_device("cpu") == torch.device("cpu")
    assert devices.pick_device().type in ("cpu", "cuda", "mps")
    assert devices.device_name(torch.device("cpu")) == f"{processor_name()} CPU, 1 thread"


# --- how a process computes ----------------------------------------------------------------------


def tiny_numbers_count_as_zero() -> bool:
    return (torch.tensor([1e-40]) * 1.0).item() == 0.0


@pytest.fixture
def fresh_process() -> Iterator[None]:
    """A process that nobody has set up yet."""
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor does not flush denormal numbers")
    yield
    set_up_process()


def test_constructing_a_trainer_leaves_the_process_as_it_is(fresh_process):
    """Otherwise whoever looks into a trainer would change what the rest of the process computes."""
    Trainer(TINY, "cpu")
    assert not tiny_numbers_count_as_zero()


@pytest.mark.parametrize("set_up", [set_up_process, lambda: train(TINY, device="cpu")],
                         ids=["set_up_process", "train"])
def test_training_counts_tiny_numbers_as_zero(set_up, fresh_process):
    """Otherwise a collapsed GAN would train several times slower, and a run's last bits would
    depend on the process that trains it."""
    set_up()
    assert tiny_numbers_count_as_zero()


def test_a_process_gets_as_many_threads_as_it_is_told():
    """Otherwise workers would share the cores badly, and be slower than one alone."""
    before = torch.get_num_threads()
    try:
        set_up_process(threads=2)
        assert torch.get_num_threads() == 2
        set_up_process()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# --- number formats ------------------------------------------------------------------------------


def test_precision_is_what_was_asked_for(monkeypatch, cpu):
    """auto means bfloat16 only where the processor multiplies it, since emulation is slower, and
    not for 2-D points, whose small layers it does not speed up."""
    images, points = (base.replace(precision="auto") for base in (TINY_IMAGES, TINY))
    for name, there in (("present", True), ("absent", False)):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda there=there: there, raising=False)
        for config, expected in ((images, there), (points, False)):
            assert devices.use_bfloat16(config, cpu) is expected, name
            assert devices.use_bfloat16(config.replace(precision="bfloat16"), cpu) is True
            assert devices.use_bfloat16(config.replace(precision="float32"), cpu) is False


@pytest.mark.parametrize("base", [TINY, TINY_IMAGES], ids=["points", "images"])
def test_bfloat16_trains_with_weights_and_records_in_32_bits(base, quick_evaluations, plain_step):
    """Otherwise half of the machines would train something else, or nothing."""
    trainer = train(base.replace(precision="bfloat16", steps=5, dropout=0.3), device="cpu")
    assert trainer.bfloat16
    gradients = last_gradients(trainer)
    *records, outcome = trainer
    assert outcome.kind == "finished"
    for name, each in networks_of(trainer).items():
        tensors = (*each.parameters, *gradients[name])
        assert {tensor.dtype for tensor in tensors} == {torch.float32}
    assert trainer.gan_step.generate(trainer.state.draws.latents()).dtype == torch.float32
    exact = steps_of(run(base.replace(precision="float32", steps=5, dropout=0.3)))[0]
    close = steps_of(records)[0]
    assert close != exact  # it did run in fewer bits
    assert close.loss_d == pytest.approx(exact.loss_d, rel=0.05)  # bfloat16 keeps 8 bits
