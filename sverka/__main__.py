"""`python -m sverka` and the command `sverka`."""

from sverka.cli import run


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    run()


if __name__ == "__main__":
    main()
