"""`python -m league` is the command `league`."""

from league.cli import main

main()
