"""What happens when things go wrong, measured on a real `dalil serve`: each module is a command that prints JSON."""
