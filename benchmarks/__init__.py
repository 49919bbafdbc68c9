"""What the README's figures come from, each a command, such as `python -m benchmarks.retraining`; `--help` lists its
flags. What they share is in `tools/`."""
