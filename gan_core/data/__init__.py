"""Data sets, and how they get here: bundled, drawn, or downloaded once and kept.

A data set lies on the device as one tensor; a batch is one index operation.
The files that ship are in `gan_core/assets`.
"""
