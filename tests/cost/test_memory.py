"""The memory of a training process as it is reckoned: beside what was measured; what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gan_core.config.batching import MOST_RUNS
from gan_core.config.choices import ARCHITECTURES
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError, parse_value
from gan_core.cost.memory import IDLE_BYTES, SIZES, peak_memory, refuse_too_large

DOCS = Path(__file__).parents[2] / "docs" / "verification.md"
ROW = re.compile(r"\| `([^`]*)` \| ([\d.]+) GB \| ([\d.]+) GB \|")
LARGEST = RunConfig(architecture="dcgan", width=4.0, batch_size=1024, gradient_penalty=10.0)


def measured() -> list[tuple[RunConfig, float, float]]:
    """Settings, measured and reckoned bytes, of the table in the docs."""
    rows = []
    for settings, seen, reckoned in ROW.findall(DOCS.read_text(encoding="utf-8")):
        pairs = [word.split("=") for word in settings.split() if "=" in word]
        changes = {name: parse_value(name, text) for name, text in pairs}
        rows.append((RunConfig(**changes), float(seen) * 1e9, float(reckoned) * 1e9))
    return rows


def test_what_is_reckoned_is_what_was_measured():
    """Runs are killed for lack of memory, or refused although they would fit."""
    rows = measured()
    assert len(rows) >= 12
    for config, seen, written in rows:
        reckoned = peak_memory([config])
        assert seen < reckoned < 1.4 * seen, config.changes()
        assert reckoned == pytest.approx(written, abs=6e6), "the table in the docs is out of date"


def test_every_architecture_is_reckoned():
    """A run of new networks would end in a traceback."""
    assert set(SIZES) == set(ARCHITECTURES)


@pytest.mark.parametrize("more", [
    {"architecture": "dcgan_reference", "batch_size": 1024}, {"width": 4.0},
    {"depth": 6, "width": 4.0}, {"dataset": "fashion_mnist"},
    {"architecture": "dcgan", "batch_size": 1024, "r1": 1.0, "dropout": 0.5}])
def test_more_of_anything_takes_more(more):
    """The largest settings would pass as ordinary ones."""
    plain = RunConfig(architecture=more.get("architecture", "mlp"), batch_size=512)
    assert peak_memory([plain.replace(**more)]) > peak_memory([plain]) > peak_memory([])


def test_a_run_that_grows_in_mid_run_is_reckoned_at_its_largest():
    """A penalty that sets in at step 500 would take the memory of another run."""
    plain = RunConfig(architecture="dcgan", batch_size=1024)
    later = plain.changed(500, gradient_penalty=10.0)
    assert peak_memory([later]) == peak_memory([plain.replace(gradient_penalty=10.0)])


def test_runs_of_one_batch_share_the_process():
    """Eight seeds on points would be taken for eight processes, and train one by one."""
    ring = RunConfig(dataset="ring")
    together = peak_memory([ring.replace(seed=seed) for seed in range(MOST_RUNS)])
    assert peak_memory([ring]) < together < 3 * peak_memory([ring])


# --- what is refused ------------------------------------------------------------------------------


def test_the_sentence_names_a_field_and_a_range_that_then_fits():
    """A student would read that it is too large, and not what to do."""
    with pytest.raises(ConfigError) as refused:
        refuse_too_large(LARGEST, 2e9)
    assert refused.value.field_name == "batch_size"
    most = int(re.search(r"from 4 to (\d+) with these settings, not 1024", str(refused.value))[1])
    assert "2.0 GB for a run" in str(refused.value) and str(refused.value).count(". ") == 0
    refuse_too_large(LARGEST.replace(batch_size=most), 2e9)
    with pytest.raises(ConfigError):
        refuse_too_large(LARGEST.replace(batch_size=most + 1), 2e9)


def test_the_range_goes_together_with_the_other_settings():
    """What the sentence allows would be refused for another reason."""
    config = LARGEST.replace(packing=8, minibatch_stddev=True, gradient_penalty=0.0, r1=1.0, r2=1.0)
    with pytest.raises(ConfigError, match=r"from 4 to (\d+)") as refused:
        refuse_too_large(config, 1.6e9)
    most = int(re.search(r"to (\d+) with", str(refused.value))[1])
    assert most % 32 == 0
    config.replace(batch_size=most)


def test_where_no_batch_is_small_enough_the_networks_are_to_be():
    """The sentence would name a field that does not help."""
    with pytest.raises(ConfigError, match=r"^width must be a number from 0\.25 to ") as refused:
        refuse_too_large(RunConfig(width=4.0, depth=6, batch_size=1024), 1.5e9)
    assert refused.value.field_name == "width"


def test_an_ordinary_run_is_always_taken_on():
    """A server with little memory would train nothing at all."""
    for config in (RunConfig(), RunConfig(dataset="ring")):
        refuse_too_large(config, 0.0, workers=4)


def test_others_keep_what_resting_takes():
    """A large run beside three resting processes would be killed."""
    needed = peak_memory([LARGEST])
    refuse_too_large(LARGEST, needed)
    refuse_too_large(LARGEST, needed + 3 * IDLE_BYTES, workers=4)
    with pytest.raises(ConfigError):
        refuse_too_large(LARGEST, needed + 2 * IDLE_BYTES, workers=4)


def test_presets_fit_into_a_small_server():
    """Buttons of a page would be refused on the cheapest machine with 2 GB."""
    for challenge in CHALLENGES.values():
        for name, preset in challenge.offered.items():
            if challenge.by_time and name == "broken":
                # What it costs is the failure; there its recorded run is what can be seen.
                with pytest.raises(ConfigError, match="batch_size must be"):
                    refuse_too_large(preset.config, 1.2e9)
            else:
                refuse_too_large(preset.config, 1.2e9)
