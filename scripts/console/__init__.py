"""Code that the commands share: running a command, writing to the terminal, flags and their help."""
