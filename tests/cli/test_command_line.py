"""The command line: what it prints, what it refuses and how, and that runs go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gan_core import __main__ as cli
from gan_core.config import presets
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.cost import price_list
from gan_core.cost.prices import PriceRequest
from gan_core.runs.records import EvalRecord, History, Outcome
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.results import Result, in_words, json_text

ROOT = Path(__file__).parents[2]
TINY = ("dataset=ring", "steps=40", "batch_size=16")
JSON_KEYS = {
    "config", "digest", "outcome", "steps", "seconds", "steps_per_second", "device", "metrics",
    "findings", "reason", "extractor",
}


@pytest.fixture(autouse=True)
def _threads_restored():
    """Commands set the process's number of threads; other tests count on theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run_json(capsys, *arguments: str) -> dict:
    assert cli.main(["run", "--json", "--device", "cpu", "--threads", "1", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def started(*arguments: str, **environ: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "gan_core", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environ},
    )


# --- run ------------------------------------------------------------------------------------------


def test_run_prints_one_json_object_that_scripts_can_rely_on(capsys):
    found = run_json(capsys, "--set", *TINY)
    assert set(found) == JSON_KEYS
    assert (found["outcome"], found["steps"], found["reason"]) == ("finished", 40, "")
    assert found["config"]["batch_size"] == 16
    assert found["digest"] == RunConfig.from_dict(found["config"]).digest()
    assert found["metrics"]["modes_total"] == 8
    assert found["seconds"] > 0
    assert found["steps_per_second"] == pytest.approx(40 / found["seconds"])
    assert "CPU, 1 thread" in found["device"]


def test_equal_seeds_give_equal_metrics_and_others_do_not(capsys):
    first, again, other = (
        run_json(capsys, "--set", *TINY, f"seed={seed}")["metrics"] for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_run_in_a_store_is_found_and_gone_on_with(capsys, tmp_path):
    store = ("--store", str(tmp_path))
    short = run_json(capsys, *store, "--set", *TINY)
    stored = RunStore(tmp_path)
    written = stored.status(short["digest"]).updated
    assert run_json(capsys, *store, "--set", *TINY) == short
    assert stored.status(short["digest"]).updated == written, "trained again"

    longer = run_json(capsys, *store, "--set", *TINY, "--set", "steps=60")
    assert (longer["steps"], longer["digest"]) == (60, short["digest"])
    assert [r.step for r in stored.snapshot(short["digest"]).history.steps] == [*range(1, 61)]
    # Asked for 40 steps again, it tells of 40 steps, not of the 60 that are there.
    found = run_json(capsys, *store, "--set", *TINY)
    assert (found["steps"], found["metrics"]) == (40, short["metrics"])


def test_without_a_store_nothing_stays_behind(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_json(capsys, "--set", *TINY)
    assert list(tmp_path.iterdir()) == []


def test_the_threads_of_a_run_are_those_of_the_apps_workers(monkeypatch):
    """Another number of threads gives other last bits, and so another history than the app's."""
    monkeypatch.setenv("GAN_LAB_THREADS", "2")
    for arguments, threads in (([], 2), (["--threads", "1"], 1)):
        options = cli.parser().parse_args(["run", "--device", "cpu", *arguments])
        cli.prepare(options, Settings.from_environment())
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
        options = cli.parser().parse_args(["run", "--config", str(file), "--set", *order])
        assert cli.chosen_config(options).dataset == "ring"


def test_a_divergence_is_a_result_and_not_a_failure(capsys):
    explosive = ("dataset=ring", "optimizer=sgd", "learning_rate=1", "learning_rate_ratio=100",
                 "batch_size=16", "steps=300", "beta1=0.9")
    found = run_json(capsys, "--set", *explosive)
    assert found["outcome"] == "diverged"
    assert found["reason"]
    assert found["findings"][0]["symptom"] == "divergence"
    assert {"symptom", "severity", "evidence", "remedies"} <= set(found["findings"][0])


def test_a_failure_exits_with_1_and_its_reason(capsys, monkeypatch):
    monkeypatch.setattr("gan_core.training.trainer.Training.train_step", lambda self: 1 / 0)
    assert cli.main(["run", "--json", "--set", *TINY]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["outcome"] == "failed"
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_without_a_terminal_progress_is_one_line_an_evaluation(capsys):
    assert cli.main(["run", "--set", "dataset=ring", "steps=260", "batch_size=16"]) == 0
    out, err = capsys.readouterr()
    assert [line.split(",")[0] for line in err.splitlines()] == [
        "step 0 of 260", "step 250 of 260", "step 260 of 260"]
    assert "/8" in err
    assert "steps/s" in err
    assert out.startswith("finished at step 260")


def test_on_a_terminal_the_bar_stays_on_its_line(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run = ["run", "--set", *TINY]
    assert cli.main(run) == 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "█" in err


def test_the_summary_tells_findings_with_evidence_and_remedies():
    config = RunConfig(learning_rate_ratio=0.1, discriminator_steps=1)
    collapsed = {"modes": 1.0, "modes_total": 10.0, "diversity": 0.01, "frechet": 90.0}
    varied = {**collapsed, "modes": 9.0, "diversity": 0.8}
    history = History((), [EvalRecord(500, varied, (0.1,) * 10),
                           EvalRecord(1000, collapsed, (1.0,) + (0.0,) * 9)])
    text = in_words(Result(config, history, Outcome("finished", 1000, seconds=2.0), "CPU"))
    assert "digit-cnn64-" in text, "a Fréchet distance means nothing without its extractor"
    assert "mode_collapse (severe)" in text
    assert "1 of 10 digits" in text
    assert "remedy: Three D steps per round" in text
    assert "500.0 steps/s" in text


def test_json_never_holds_nan():
    """Most readers of JSON refuse NaN."""
    assert json.loads(json_text({"a": float("nan"), "b": [float("inf"), 1]})) == {
        "a": None, "b": [None, 1]}


# --- Ctrl-C ---------------------------------------------------------------------------------------


def test_ctrl_c_keeps_a_checkpoint_and_a_second_call_goes_on(capsys, tmp_path):
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


# --- bad input ------------------------------------------------------------------------------------

BAD = {
    "no command": ([], "COMMAND"),
    "unknown command": (["train"], "'run'"),
    "unknown option": (["run", "--stor", "x"], "--stor"),
    "unknown field": (["run", "--set", "smoothness=3"], "learning_rate"),
    "nothing to set": (["run", "--set"], "--set"),
    "no equals sign": (["run", "--set", "steps"], "FIELD=VALUE"),
    "nan": (["run", "--set", "learning_rate=nan"], "learning_rate must be a number from 1e-06"),
    "infinite": (["run", "--set", "dropout=1e999"], "dropout must be a number from 0 to 0.8"),
    "fraction": (["run", "--set", "steps=1.5"], "steps must be a whole number from 1 to 200000"),
    "empty": (["run", "--set", "seed="], "seed must be a whole number from 0"),
    "too large": (["run", "--set", "batch_size=4096"], "batch_size must be a whole number from 4"),
    "negative": (["run", "--set", "seed=-1"], "seed must be a whole number from 0"),
    "huge": (["run", "--set", "seed=" + "9" * 5000], "seed must be a whole number from 0"),
    "unknown choice": (["run", "--set", "loss=hinged"], "loss must be one of minimax"),
    "misfit": (["run", "--set", "dataset=ring", "architecture=mlp_reference"], "allowed here: mlp"),
    "too many examples": (["run", "--set", "training_examples=60001"], "from 0 to 60000"),
    "unknown preset": (["run", "--preset", "broken"], "mode_collapse-broken"),
    "missing file": (["run", "--config", "nowhere.json"], "nowhere.json"),
    "folder as file": (["run", "--config", "."], "--config"),
    "unknown device": (["run", "--device", "tpu", "--set", *TINY], "must be one of auto"),
    "absent device": (["run", "--device", "cpu:x", "--set", *TINY], "cpu:x"),
    "no threads": (["run", "--threads", "0"], "--threads: must be a whole number from 1 to 256"),
    "too many threads": (["run", "--threads", "1" + "0" * 30], "from 1 to 256"),
    "words for threads": (["run", "--threads", "two"], "from 1 to 256"),
    "unwritable store": (["run", "--store", "/dev/null/runs", "--set", *TINY], "/dev/null/runs"),
    "unknown recorded run": (["record", "nothing"], "remedy"),
    "unknown table": (["verify", "x"], "remedies"),
    "unknown run of a table": (["verify", "--only", "x"], "mode_collapse-fixed"),
    "no workers": (["verify", "--workers", "0"], "1 to 64"),
    "seeds backwards": (["verify", "--seeds", "4-0"], "0-4"),
    "seeds in words": (["verify", "--seeds", "all"], "0-4"),
    "too many seeds": (["verify", "--seeds", "0-1000"], "at most 100"),
    "unknown network": (["bench", "--network", "vgg"], "mlp_reference"),
    "profile or quality": (["bench", "--profile", "--quality"], "not allowed with"),
    "no bench steps": (["bench", "--steps", "0"], "from 1 to 10000"),
    "no cost steps": (["cost", "--steps", "0"], "from 1 to 10000"),
    "cost of an unknown field": (["cost", "--set", "layers=3"], "learning_rate"),
    "cost of an unknown preset": (["cost", "--preset", "broken"], "mode_collapse-broken"),
    "prices of an unknown group": (["prices", "--only", "x"], "remedies"),
    "no time for prices": (["prices", "--milliseconds", "0"], "from 1 to 60000"),
    "prices into nowhere": (["prices", "--write", "nowhere/file.json"], "no folder nowhere"),
    "processor time of threads": (["prices", "--processor-time", "--threads", "2"], "--threads 1"),
    "some prices as all": (["prices", "--only", "width", "--write", "x.json"], "leave out --only"),
}


def assert_refused(code: int, captured, expected: str) -> None:
    assert code == 2
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1, captured.err
    assert expected in captured.err
    assert captured.err.rstrip().endswith(".")


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_one_sentence(arguments, expected, capsys):
    assert_refused(cli.main(arguments), capsys.readouterr(), expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1]", "JSON object"),
        (b'{"smoothness": 3}', "'smoothness' is not a setting"),
        (b'{"steps": "40"}', "steps must be a whole number from 1 to 200000"),
        (b'{"dropout": NaN}', "dropout must be a number from 0 to 0.8"),
        (b'{"loss": ["minimax"]}', "loss must be one of minimax"),
    ],
)
def test_a_bad_config_file_is_refused_in_one_sentence(content, expected, capsys, tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(content)
    assert_refused(cli.main(["run", "--config", str(file)]), capsys.readouterr(), expected)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GAN_LAB_THREADS", "many", "GAN_LAB_THREADS must be a whole number from 1 to 256"),
        ("GAN_LAB_WORKERS", "0", "GAN_LAB_WORKERS must be a whole number from 1 to 64"),
        ("GAN_LAB_STORE_MB", "nan", "GAN_LAB_STORE_MB must be a whole number from 50"),
        ("GAN_LAB_DEVICE", "abacus", "device must be one of auto"),
    ],
)
def test_a_bad_environment_is_refused_in_one_sentence(name, value, expected, capsys, monkeypatch):
    monkeypatch.setenv(name, value)
    assert_refused(cli.main(["run", "--set", *TINY]), capsys.readouterr(), expected)


def test_a_damaged_run_in_the_store_is_named(capsys, tmp_path):
    digest = run_json(capsys, "--store", str(tmp_path), "--set", *TINY)["digest"]
    (tmp_path / digest / "config.json").write_text("{")
    code = cli.main(["run", "--store", str(tmp_path), "--set", *TINY])
    assert_refused(code, capsys.readouterr(), "config.json")


def test_bad_input_is_refused_before_torch_is_imported():
    """A typo must not cost the seconds that PyTorch takes to load."""
    check = ("import sys; from gan_core.__main__ import main; code = main(['run', '--set', "
             "'steps=x']); sys.exit(code + 10 * ('torch' in sys.modules))")
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("steps must be")


# --- help -----------------------------------------------------------------------------------------


def test_help_lists_every_field_with_label_range_and_default(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name, knob in KNOBS.items():
        line = next(line for line in text.splitlines() if line.split()[:1] == [name])
        assert knob.label in line
        assert knob.allowed() in line
        assert line.endswith(f"default {getattr(DEFAULT, name)}")
    assert all(name in text for name in presets.presets())
    assert "same to the bit" in " ".join(text.split())


@pytest.mark.parametrize("command", ["record", "verify", "bench", "cost", "prices"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "--threads" in capsys.readouterr().out


# --- record ---------------------------------------------------------------------------------------


def test_record_trains_and_exports_what_a_page_can_read(capsys, tmp_path, monkeypatch):
    small = RunConfig(dataset="ring", steps=40, batch_size=16)
    monkeypatch.setattr(presets, "RECORDED", {"one": small, "two": small.replace(seed=1)})
    monkeypatch.setattr(presets, "BAND", {"three": small.replace(seed=2)})
    arguments = ["record", "--store", str(tmp_path / "runs"), "--destination",
                 str(tmp_path / "recorded")]
    assert cli.main([*arguments, "one"]) == 0
    recorded = RunStore(tmp_path / "recorded")
    assert recorded.digests() == [small.digest()]
    snapshot = recorded.snapshot(small.digest())
    assert snapshot.status.state == "finished"
    assert snapshot.history.last_step == 40
    assert snapshot.samples[0] == 0
    assert not recorded.checkpoint_path(small.digest()).exists()

    log = tmp_path / "runs" / small.digest() / "log.txt"
    before = log.read_text()
    assert cli.main(arguments) == 0
    assert len(recorded.digests()) == 3
    assert len(recorded.snapshot(small.replace(seed=2).digest()).samples) == 2, "heavy, for a band"
    assert log.read_text() == before, "a finished run was trained again"


def test_recorded_runs_go_where_the_pages_look_for_them():
    assert cli.parser().parse_args(["record"]).destination == (
        ROOT / "gan_core" / "assets" / "recorded")


# --- verify ---------------------------------------------------------------------------------------


def test_seeds_are_read_as_people_write_them():
    assert cli.parse_seeds("0-4") == [0, 1, 2, 3, 4]
    assert cli.parse_seeds("3") == [3]
    assert cli.parse_seeds("0, 5,5-6") == [0, 5, 6]


# --- cost -----------------------------------------------------------------------------------------


@pytest.fixture
def briefly(monkeypatch):
    """These tests look at what is reported, not at how fast it is."""
    for name in ("ROUNDS", "WARM_UP", "LOOKS"):
        monkeypatch.setattr(f"gan_core.benchmarks.step_cost.{name}", 1)


def test_cost_prints_one_json_object_with_the_plain_gan_beside(briefly, capsys):
    arguments = ["cost", "--json", "--steps", "1", "--device", "cpu", "--threads", "1"]
    assert cli.main([*arguments, "--set", *TINY, "r1=1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"cost", "plain", "relative"}
    assert (found["cost"]["config"]["r1"], found["plain"]["config"]["r1"]) == (1.0, 0.0)
    assert found["plain"]["config"]["batch_size"] == 16
    assert found["relative"]["flops"] == (
        found["cost"]["flops_total"] / found["plain"]["flops_total"])


def test_cost_tells_people_phases_memory_and_the_price(briefly, capsys):
    assert cli.main(["cost", "--steps", "2", "--threads", "1", "--device", "cpu", "--set", *TINY,
                     "discriminator_steps=2"]) == 0
    out = capsys.readouterr().out
    for words in ("mlp on ring, batch 16", "GFLOP", "penalty", "saved for backward",
                  "÷ the plain GAN's", "1 × 2 steps", "1 thread"):
        assert words in out


def test_cost_without_the_data_is_a_failure_in_one_sentence(capsys, monkeypatch):
    from gan_core.data import datasets, downloads

    def absent(config, device):
        raise downloads.DatasetError("Fashion-MNIST cannot be downloaded.")

    monkeypatch.setattr(datasets, "load", absent)
    assert cli.main(["cost", "--set", "dataset=fashion_mnist"]) == 1
    assert capsys.readouterr().err == "Fashion-MNIST cannot be downloaded.\n"


# --- prices ---------------------------------------------------------------------------------------


def test_prices_are_written_as_the_page_reads_them(capsys, monkeypatch, tmp_path):
    """The figures that ship could not be measured again, or the page not read them."""
    small = RunConfig(dataset="ring", batch_size=16)
    request = PriceRequest(small.replace(r1=1), small)
    monkeypatch.setattr(price_list, "GROUPS", {"one": (request,), "two": (request,)})
    monkeypatch.setattr("gan_core.benchmarks.price_measurement.BLOCKS", 1)
    path = tmp_path / "prices.json"
    machine = ["--device", "cpu", "--threads", "1", "--milliseconds", "1"]
    assert cli.main(["prices", *machine, "--write", str(path)]) == 0
    found = price_list.recorded(path)
    assert list(found) == [request.name] and found[request.name].device.endswith("1 thread")
    assert capsys.readouterr().out == ""
    assert cli.main(["prices", *machine, "--only", "one"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["request"] == request.to_dict()
