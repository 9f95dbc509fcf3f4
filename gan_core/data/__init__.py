"""Data sets: bundled, drawn, or downloaded once.

`datasets` has the table of them, and says how to add one. A data set lies on the device as one
tensor; a batch is one index operation. The files that ship are in `gan_core/assets`.
"""
