"""One file for each outside thing. Edges wrap and translate; they hold no rule of ours."""
