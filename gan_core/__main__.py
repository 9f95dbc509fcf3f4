"""`python -m gan_core COMMAND …`: the command line, which is in `gan_core.cli`."""

from gan_core.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
