"""The benchmarks behind the figures in docs/. Each is a command with `--help`, such as
`python -m benchmarks.retraining`.

`tools/` holds what they share.
"""
