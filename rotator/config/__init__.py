"""config.yaml as validated settings. Only `loading` opens a file, and only `secrets` reads a secret, when asked."""
