"""The library behind the commands: knows no flags, never exits the process, never prints."""
