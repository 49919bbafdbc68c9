"""What benchmarks share and what is no benchmark of its own."""
