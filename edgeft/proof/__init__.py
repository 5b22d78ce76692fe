"""What a model is held to: agreement, losses with intervals, limits; no torch."""
