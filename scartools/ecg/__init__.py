"""Pages to leads to beats: what is read from a paper ECG, and the one beat that stands for a recording."""
