"""One thin file per subcommand: declare, check, one library call, write.

The module's docstring is its man page: a first line for NAME, then text, then sections under capital
headings. EXAMPLES run as written after `scartools simulate cohort -n 2 --seed 1 -o cohort`; the first line
of a command's own is what the contract tests vary. `KIND` says what may be expected of a second run.
"""
