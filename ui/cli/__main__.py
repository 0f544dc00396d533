"""`python -m ui.cli`: the same as `dalil`."""

from ui.cli.main import run

if __name__ == "__main__":
    run()
