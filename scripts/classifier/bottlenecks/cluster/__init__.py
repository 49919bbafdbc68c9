"""Bottlenecks computed by many machines: Ray distributes the work, a shared folder collects the results."""
