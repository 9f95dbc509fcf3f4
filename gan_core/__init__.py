"""The engine of the GAN challenges lab: configuration, training, diagnosis and storage.

Importing this package, or any room the web process needs (`config`, `challenges`, `records`,
`diagnosis`, `settings`, `store`, `jobs`), never imports torch: only the worker, the command line's
`run` and `bench`, and the rooms below the trainer do.
"""

__version__ = "0.1.0"
