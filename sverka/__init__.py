"""The command line: runs an installation, shows and changes what is in it, and plays a day on the sandbox."""
