"""A classifier that answers over HTTP: a page for people, an interface for programs."""
