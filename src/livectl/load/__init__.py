"""Load for a server, and what became of it: how operators learn their capacity."""
