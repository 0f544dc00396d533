"""How people reach Dalil: the command line and the page."""
