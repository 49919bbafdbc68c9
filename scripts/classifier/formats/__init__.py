"""A classifier written to, and opened from, any format; no other wing knows one format from another."""
