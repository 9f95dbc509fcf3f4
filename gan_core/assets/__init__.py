"""The files that ship: MNIST, the digit classifier, recorded runs, and stored measurements.

Only their places are known here; whoever reads a file knows what is in it.
"""

from pathlib import Path

ASSETS = Path(__file__).parent
RECORDED_RUNS = ASSETS / "recorded"  # a store, to be read only
