"""``python -m dvaedit``: the command line."""

import sys

from dvaedit.cli import main

if __name__ == "__main__":
    sys.exit(main())
