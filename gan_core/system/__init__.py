"""The installation: files shared by processes, settings from the environment, the machine.

What every other room may use and what knows of none of them.
Never imports torch.
"""
