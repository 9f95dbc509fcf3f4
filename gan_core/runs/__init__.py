"""A run on disk: its records, its history, and the directory that keeps them.

`store` writes, `snapshots` reads while it grows; both tolerate a process that was killed.
Everything is readable by a person with a shell. Never imports torch.
"""
