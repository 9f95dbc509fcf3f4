"""`run`: what it prints, that equal seeds give equal runs, and that runs are continued."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from gan_core.cli.arguments import chosen_config
from gan_core.cli.device import prepare_device
from gan_core.cli.main import main, parse
from gan_core.cli.output import json_text
from gan_core.cli.run import in_words
from gan_core.config import presets
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.results import Result
from tests.cli.calls import TINY, run_json, started

JSON_KEYS = {
    "config", "digest", "outcome", "steps", "seconds", "steps_per_second", "device", "metrics",
    "findings", "reason", "extractor", "verdict",
}


def test_run_prints_one_json_object_that_scripts_can_rely_on(capsys):
    report = run_json(capsys, "--set", *TINY)
    assert set(report) == JSON_KEYS
    assert (report["outcome"], report["steps"], report["reason"]) == ("finished", 40, "")
    assert report["config"]["batch_size"] == 16
    assert report["digest"] == RunConfig.from_dict(report["config"]).digest()
    assert report["metrics"]["modes_total"] == 8
    assert report["seconds"] > 0
    assert report["steps_per_second"] == pytest.approx(40 / report["seconds"])
    assert "CPU, 1 thread" in report["device"]


def test_equal_seeds_give_equal_metrics_and_others_do_not(capsys):
    first, again, other = (
        run_json(capsys, "--set", *TINY, f"seed={seed}")["metrics"] for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_run_in_a_store_is_continued(capsys, tmp_path):
    store = ("--store", str(tmp_path))
    short = run_json(capsys, *store, "--set", *TINY)
    stored = RunStore(tmp_path)
    written = stored.status(short["digest"]).updated
    assert run_json(capsys, *store, "--set", *TINY) == short
    assert stored.status(short["digest"]).updated == written, "trained again"

    longer = run_json(capsys, *store, "--set", *TINY, "--set", "steps=60")
    assert (longer["steps"], longer["digest"]) == (60, short["digest"])
    assert [r.step for r in stored.snapshot(short["digest"]).history.steps] == [*range(1, 61)]
    # Asked for 40 steps again, it reports 40 steps, not the 60 that are there.
    again = run_json(capsys, *store, "--set", *TINY)
    assert (again["steps"], again["metrics"]) == (40, short["metrics"])


def test_without_a_store_nothing_stays_behind(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_json(capsys, "--set", *TINY)
    assert list(tmp_path.iterdir()) == []


def test_the_threads_of_a_run_are_those_of_the_apps_workers(monkeypatch):
    """Another number of threads gives other last bits, and so another history than the app's."""
    monkeypatch.setenv("GAN_LAB_THREADS", "2")
    for arguments, threads in (([], 2), (["--threads", "1"], 1)):
        options = parse(["run", "--device", "cpu", *arguments])
        prepare_device(options, Settings.from_environment())
        assert torch.get_num_threads() == threads


def test_the_preset_then_the_file_then_set_decide(capsys, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"dataset": "ring", "batch_size": 8, "steps": 7}))
    config = run_json(capsys, "--preset", "mode_collapse-broken", "--config", str(file),
                      "--set", "steps=40", "seed=1", "--set", "seed=2")["config"]
    base = presets.presets()["mode_collapse-broken"].config
    assert RunConfig.from_dict(config) == base.replace(
        dataset="ring", batch_size=8, steps=40, seed=2)


def test_settings_that_fit_only_together_are_taken_in_any_order(tmp_path):
    """From a preset of images to points: neither change alone would be a valid config."""
    file = tmp_path / "config.json"
    file.write_text('{"architecture": "mlp_reference"}')
    for order in (["dataset=ring", "architecture=mlp"], ["architecture=mlp", "dataset=ring"]):
        options = parse(["run", "--config", str(file), "--set", *order])
        assert chosen_config(options).dataset == "ring"


def test_a_divergence_is_a_result_and_not_a_failure(capsys):
    explosive = ("dataset=ring", "optimizer=sgd", "learning_rate=1", "learning_rate_ratio=100",
                 "batch_size=16", "steps=300", "beta1=0.9")
    report = run_json(capsys, "--set", *explosive)
    assert report["outcome"] == "diverged"
    assert report["reason"]
    assert report["findings"][0]["symptom"] == "divergence"
    assert {"symptom", "severity", "evidence", "remedies"} <= set(report["findings"][0])


def test_a_failure_exits_with_1_and_its_reason(capsys, monkeypatch):
    monkeypatch.setattr("gan_core.training.trainer.Trainer.train_step", lambda self: 1 / 0)
    assert main(["run", "--json", "--set", *TINY]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["outcome"] == "failed"
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_without_a_terminal_progress_is_one_line_an_evaluation(capsys):
    assert main(["run", "--set", "dataset=ring", "steps=260", "batch_size=16"]) == 0
    out, err = capsys.readouterr()
    assert [line.split(",")[0] for line in err.splitlines()] == [
        "step 0 of 260", "step 250 of 260", "step 260 of 260"]
    assert "/8" in err
    assert "steps/s" in err
    assert out.startswith("finished at step 260")


def test_on_a_terminal_the_bar_stays_on_its_line(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run = ["run", "--set", *TINY]
    assert main(run) == 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "█" in err


def test_the_report_names_findings_with_evidence_and_remedies():
    config = RunConfig(learning_rate_ratio=0.1, discriminator_steps=1)
    collapsed = {"modes": 1.0, "modes_total": 10.0, "diversity": 0.01, "frechet": 90.0}
    varied = {**collapsed, "modes": 9.0, "diversity": 0.8}
    history = History((), [EvalRecord(500, varied, (0.1,) * 10),
                           EvalRecord(1000, collapsed, (1.0,) + (0.0,) * 9)])
    text = in_words(Result(config, history, Outcome("finished", 1000, seconds=2.0), "CPU"))
    assert "digit-cnn64-" in text, "a Fréchet distance means nothing without its extractor"
    assert "verdict: failing (discriminator_too_weak)" in text and "Mode collapse" in text
    assert "1 of 10 digits" in text
    assert "remedy: Three D steps per round" in text
    assert "500.0 steps/s" in text


def test_json_never_holds_nan():
    """Most readers of JSON refuse NaN."""
    assert json.loads(json_text({"a": float("nan"), "b": [float("inf"), 1]})) == {
        "a": None, "b": [None, 1]}


# --- Ctrl-C ---------------------------------------------------------------------------------------


def test_ctrl_c_keeps_a_checkpoint_from_which_a_second_call_continues(capsys, tmp_path):
    settings = ("--store", str(tmp_path), "--json", "--device", "cpu", "--set",
                "dataset=ring")
    process = started("run", *settings, "steps=200000")
    digest = DEFAULT.replace(dataset="ring").digest()
    store, deadline = RunStore(tmp_path), time.monotonic() + 120
    while not ((snapshot := store.snapshot(digest)) and snapshot.history.steps):
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    stopped = json.loads(out)
    assert (process.returncode, stopped["outcome"]) == (130, "stopped")
    assert "Traceback" not in err
    assert store.checkpoint_path(digest).is_file()

    goal = stopped["steps"] + 5
    again = run_json(capsys, "--store", str(tmp_path), "--set", "dataset=ring", f"steps={goal}")
    assert (again["outcome"], again["steps"]) == ("finished", goal)
    assert f"training from step {stopped['steps']}" in (tmp_path / digest / "log.txt").read_text()


def test_without_a_home_folder_a_store_is_enough(capsys, tmp_path, monkeypatch) -> None:
    """In a container whose user has no home every command ends in a traceback."""
    def nowhere(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nowhere)
    for name in ("GAN_LAB_STORE", "GAN_LAB_DATA"):
        monkeypatch.delenv(name, raising=False)
    result = run_json(capsys, "--store", str(tmp_path), "--set", *TINY)
    assert result["outcome"] == "finished"
