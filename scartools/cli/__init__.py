"""What all commands share: the command table, the options, errors, signals and streams. No work is done here."""
