"""Synthetic cohorts with known truth: anatomy, scar, LGE images. Arrays in, arrays out."""
