"""The processor's name: people must recognise their machine in it, without the noise."""

from __future__ import annotations

import pytest

from gan_core.system.processor import plain, processor_name

PLAIN = {  # what a system reports -> the name that people use
    "AMD EPYC": "AMD EPYC",
    "AMD EPYC 7763 64-Core Processor": "AMD EPYC 7763",
    "AMD Ryzen Threadripper PRO 5995WX 64-Cores": "AMD Ryzen Threadripper PRO 5995WX",
    "AMD Ryzen 7 PRO 5850U with Radeon Graphics": "AMD Ryzen 7 PRO 5850U",
    "Intel(R) Xeon(R) CPU @ 2.20GHz": "Intel Xeon",
    "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz": "Intel Core i7-8550U",
    "13th Gen Intel(R) Core(TM) i7-1360P": "13th Gen Intel Core i7-1360P",
    "Dual-Core AMD Opteron(tm) Processor 2218": "AMD Opteron 2218",
    "Intel Xeon Processor (Skylake, IBRS)": "Intel Xeon",
    "Intel64 Family 6 Model 142 Stepping 10, GenuineIntel": "Intel64",
    "": "",
}


def test_a_name_loses_its_noise_and_nothing_else():
    """Otherwise the device's line would not fit its badge, or name another machine."""
    assert {name: plain(name) for name in PLAIN} == PLAIN


@pytest.mark.parametrize("content", [None, "", "model name\n", "Features: fp asimd\n"])
def test_a_system_that_names_no_processor_gives_its_architecture(monkeypatch, content):
    """Not every Linux names its processor, and other systems have no such file."""
    def read(path, **options):
        if content is None:
            raise FileNotFoundError
        return content

    monkeypatch.setattr("pathlib.Path.read_text", read)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert processor_name.__wrapped__() == "riscv64"
