"""Where lines and tables go: to a terminal, by Rich, or to a file or a pipe, without it."""
