"""What benchmarks share; nothing here is a benchmark."""
