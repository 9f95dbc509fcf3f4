"""The tables of docs/verification.md: what is trained for each, and how it is summed up.

`preset_acceptance` asks whether every preset does what its button says; `remedies`, `packing`,
`frozen_generator` and `known_truths` each hold one table more.
"""
