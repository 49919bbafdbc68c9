"""Trains a convolutional network from scratch on a folder of photos."""
