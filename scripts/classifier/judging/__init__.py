"""How good a classifier is, measured on photos whose labels are known."""
