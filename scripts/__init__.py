"""The commands of Poets: one file a command, run as `python -m scripts.NAME`."""
