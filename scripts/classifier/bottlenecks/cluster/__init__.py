"""Bottlenecks computed by many machines: Ray says who works on what, a shared folder holds what comes of it."""
