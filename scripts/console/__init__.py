"""What the commands share: how a command runs, what a terminal shows, and the flags that several have."""
