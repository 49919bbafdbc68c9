"""Trains the backbone's own weights too, on distorted photos, after the final layer."""
