"""One module for each command or group of commands; imported only when it is used."""
