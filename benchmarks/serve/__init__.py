"""The server under load: `python -m benchmarks.serve.SCRIPT`, one script for each claim."""
