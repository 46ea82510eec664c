"""The paper's algorithm to the letter, as stages: what ``--recipe paper`` runs, with any model."""
