"""What the tests share: one torch thread, a clean environment, the bundled data, read once."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator

import pytest
import torch

from gan_core.training.devices import set_up_process


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="as many draws and kills of processes "
                     "as a release needs, where otherwise a few stand for them")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether tests are to take their time."""
    return request.config.getoption("long")


def pytest_configure(config: pytest.Config) -> None:
    """Of the process that runs tests, and of each of xdist's: they share the cores."""
    torch.set_num_threads(1)
    set_up_process()
    # A shell starts background jobs with Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("GAN_LAB_")]:
        del os.environ[name]  # one person's settings must not decide whether tests pass
    # Nothing a test does may land in the runs of the person who runs the tests.
    config.scratch_store = tempfile.mkdtemp(prefix="gan-lab-tests-")
    os.environ["GAN_LAB_STORE"] = config.scratch_store
    os.environ["GAN_LAB_DATA"] = config.scratch_store + "/data"


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(getattr(config, "scratch_store", ""), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA or MPS device, and this machine has none")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture
def plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of points is trained by the step of one run, as one of images is, and not as a batch of
    one: its networks, shapes and costs are then those that one reads off its config."""
    monkeypatch.setattr("gan_core.training.trainer.trains_as_batch", lambda config, step: False)


@pytest.fixture(autouse=True)
def _environment_restored():
    """A test that sets a variable, or a library that does, leaves nothing to the next one."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def cpu() -> torch.device:
    return torch.device("cpu")


@pytest.fixture(scope="session")
def mnist(cpu):
    """All of MNIST."""
    from gan_core.data import datasets

    return datasets.whole("mnist", cpu)


@pytest.fixture(scope="session", params=["ring", "grid"])
def mixture(request, cpu):
    """The name and the data of each mixture of Gaussians."""
    from gan_core.data import datasets

    return request.param, datasets.whole(request.param, cpu)


# --- in a browser; without one, importing `browsing` has skipped the test before -----------------


@pytest.fixture(scope="session")
def shared_chromium() -> Iterator:
    """The browser for pages that several tests use; whoever opens them closes them."""
    from tests.support.browsing import CHROMIUM, playwright

    with playwright.sync_playwright() as driver:
        # Without --disable-gpu a process of its own imitates a GPU, on cores that train.
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def chromium(shared_chromium) -> Iterator:
    """The browser; what a test opens in it is closed afterwards, or it would go on refreshing."""
    before = list(shared_chromium.contexts)
    yield shared_chromium
    for context in shared_chromium.contexts:
        if context not in before:
            context.close()
