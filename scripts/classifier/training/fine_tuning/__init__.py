"""Training goes on with the backbone's own weights, on distorted photos."""
