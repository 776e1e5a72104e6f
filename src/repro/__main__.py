"""`python -m repro`: the command line (see `repro.cli.commands`)."""

import sys

from repro.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
