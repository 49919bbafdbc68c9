"""What a classifier promises, measured: one module for each promise."""
