"""Numbers of the paper's own code, reproduced: fixture folders, pseudo-weights and the comparison of every array."""
