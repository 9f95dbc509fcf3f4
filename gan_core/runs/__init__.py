"""A run on disk: its records, its history, and the folder that holds them.

`store` writes a run, `snapshots` reads it while it grows; both tolerate a writer that was killed.
`records`, `history` and `status` are what is in it. Torch-free.
"""
