"""How what is due comes to be done: in threads of this process, or by whichever machine shares the database."""
