"""From a paper ECG and an LGE stack to a scar map that can be trusted, one plain file at a time."""

__version__ = "0.1.0"
