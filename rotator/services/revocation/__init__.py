"""Access ended at once: the plan of it, the steps, the proof, and what came of them."""
