"""The networks, one file each. Torch alone is imported here."""
