"""`python -m edgeft` is the `edgeft` command."""

from edgeft.cli import main

if __name__ == "__main__":
    main()
