"""The routes of the machine interface, one file per thing."""
