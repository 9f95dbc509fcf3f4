"""Maps of where training works: two settings varied at once, cell by cell. Torch-free."""
