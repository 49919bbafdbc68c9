"""Continues training with the backbone's own weights, on distorted photos."""
