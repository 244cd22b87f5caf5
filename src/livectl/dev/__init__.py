"""The whole product on one machine, with nothing set up: what `livectl dev` runs."""
