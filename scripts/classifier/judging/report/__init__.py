"""The page of an evaluation, complete in one file: it asks nobody for anything when it is opened."""
