"""The command line: one file a command, `main` with the table of them, and what they share.

Results go to stdout, messages to stderr; bad input is refused before torch is imported. It is
called as `python -m gan_core COMMAND`, or as `gan-lab COMMAND` where the package is installed.
"""
