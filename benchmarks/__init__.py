"""What traceview costs, on any machine: each module prints figures beside a floor of the same run."""

import os

# What is installed has its bytecode: a start that compiles every module first is nobody's start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
