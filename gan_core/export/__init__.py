"""What of runs can be taken along. Torch-free."""
