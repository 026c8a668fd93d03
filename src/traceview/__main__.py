"""`python -m traceview`: the command line, where its script is not on the path."""

from traceview.cli.main import run

if __name__ == "__main__":
    run()
