"""Opens the formats of pictures that need more than Pillow alone: its limits, depths and parts."""
