"""Tables of names, and the scripts that build them."""
