"""Pure functions on arrays: distances, traces, superposition, scaling, and the physical numbers, in `constants`."""
