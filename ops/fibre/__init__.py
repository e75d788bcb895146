"""Pure analysis of the fibre plant: ways through it, light on it, what a cut does and where it is."""
