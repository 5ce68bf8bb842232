"""What every process of a swarm has in common, whatever its role.

Errors that are sentences, numbered exit codes, the home folder, the log and the frame of a command.
Everything stands on this package and it stands on nothing of ours.
"""
