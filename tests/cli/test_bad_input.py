"""Bad input, of every command: refused at once, in one sentence that says what is allowed."""

from __future__ import annotations

import subprocess
import sys

from gan_core.cli.main import main
from gan_core.runs.store import RunStore
from tests.cli.calls import ROOT, TINY, refusal, run_json

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
    "nothing to export": (["export"], "at least one of --script FILE, --notebook FILE, --zip"),
    "export of an unknown field": (["export", "--script", "x.py", "--set", "layers=3"],
                                   "learning_rate"),
    "export into a folder": (["export", "--zip", "."], "--zip: . is a folder"),
    "export into nowhere": (["export", "--film", "nowhere/film.gif"], "--film: there is no folder"),
    "export below a file": (["export", "--report", "/dev/null/x"], "no folder /dev/null"),
    "two exports in one file": (["export", "--zip", "x", "--film", "./x"], "different files"),
    "export of a bad name": (["export", "--zip", "x", "--digest", "../x"], "sixteen hexadecimal"),
    "export of no run": (["export", "--zip", "x", "--digest", "0" * 16], "there is no run 00"),
    "export of two runs": (["export", "--zip", "x", "--digest", "0" * 16, "--preset",
                            "mode_collapse-broken"], "leave out --preset"),
    "nothing to open": (["open"], "FILE"),
    "opening no file": (["open", "nowhere.zip"], "nowhere.zip cannot be used"),
    "opening a folder": (["open", "."], ". is a folder"),
    "opening no file of bytes": (["open", "/dev/null"], "is a device, a pipe or a socket"),
    "some prices as all": (["prices", "--only", "width", "--write", "x.json"], "leave out --only"),
}


def test_bad_input_is_refused_in_one_sentence(capsys):
    """A user gets a traceback, or is not told what is allowed."""
    refusals = {name: refusal(main(arguments), capsys.readouterr(), expected)
                for name, (arguments, expected) in BAD.items()}
    assert not any(refusals.values()), {name: fault for name, fault in refusals.items() if fault}


BAD_FILES = {
    b"{": "not valid JSON",
    b"\xff\xfe": "not valid JSON",
    b"[" * 100_000: "not valid JSON",
    b"[1]": "JSON object",
    b'{"smoothness": 3}': "'smoothness' is not a setting",
    b'{"steps": "40"}': "steps must be a whole number from 1 to 200000",
    b'{"dropout": NaN}': "dropout must be a number from 0 to 0.8",
    b'{"loss": ["minimax"]}': "loss must be one of minimax",
}


def test_a_bad_config_file_is_refused_in_one_sentence(capsys, tmp_path):
    """A damaged file ends in a traceback, or its wrong value is trained."""
    file, faults = tmp_path / "config.json", {}
    for content, expected in BAD_FILES.items():
        file.write_bytes(content)
        code = main(["run", "--config", str(file)])
        faults[content[:40]] = refusal(code, capsys.readouterr(), expected)
    assert not any(faults.values()), faults


BAD_ENVIRONMENT = {
    ("GAN_LAB_THREADS", "many"): "GAN_LAB_THREADS must be a whole number from 1 to 256",
    ("GAN_LAB_WORKERS", "0"): "GAN_LAB_WORKERS must be a whole number from 1 to 64",
    ("GAN_LAB_STORE_MB", "nan"): "GAN_LAB_STORE_MB must be a whole number from 50",
    ("GAN_LAB_DEVICE", "abacus"): "device must be one of auto",
}


def test_a_bad_environment_is_refused_in_one_sentence(capsys, monkeypatch):
    """A misspelt variable is ignored, or ends in a traceback."""
    faults = {}
    for (name, value), expected in BAD_ENVIRONMENT.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            code = main(["run", "--set", *TINY])
        faults[name] = refusal(code, capsys.readouterr(), expected)
    assert not any(faults.values()), faults


def test_a_damaged_run_in_the_store_is_mended(capsys, tmp_path):
    """One file that was cut short stops everything, until somebody finds and deletes it."""
    digest = run_json(capsys, "--store", str(tmp_path), "--set", *TINY)["digest"]
    (tmp_path / digest / "config.json").write_text("{")
    assert run_json(capsys, "--store", str(tmp_path), "--set", *TINY)["digest"] == digest
    assert RunStore(tmp_path).config(digest).digest() == digest


def test_a_store_that_cannot_be_written_is_named(capsys, tmp_path):
    """Nobody finds what stops everything."""
    (tmp_path / "store").write_text("a file")
    code = main(["run", "--store", str(tmp_path / "store"), "--set", *TINY])
    assert not refusal(code, capsys.readouterr(), "store")


def test_bad_input_is_refused_before_torch_is_imported():
    """A typo must not cost the seconds that PyTorch takes to load."""
    check = ("import sys; from gan_core.cli.main import main; code = main(['run', '--set', "
             "'steps=x']); sys.exit(code + 10 * ('torch' in sys.modules))")
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("steps must be")
