"""The tables of docs/verification.md, which train many runs and sum them up: one file a table.

`preset_acceptance` asks whether every preset does what its button says, `known_truths` whether
the diagnosis is right, `audit` whether the verdict is, of runs that nobody tuned it for;
`remedies`, `packing` and `frozen_generator` compare with what is published.
"""
