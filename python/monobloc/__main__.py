"""The command line: ``python -m monobloc`` and, installed, ``monobloc``."""

import sys

from ._native import run_command


def main() -> None:
    """Run the command with this process's arguments and exit with its status."""
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
