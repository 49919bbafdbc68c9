"""What each promise is measured by: a module for each, whose `measure` gives lines of Markdown."""
