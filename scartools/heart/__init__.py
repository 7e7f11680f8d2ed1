"""AHA geometry, scar quantities, bullseye drawing. Arrays in, arrays out; nothing prints or reads files."""
