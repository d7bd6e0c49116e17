"""The service, its pages, and the machines that share its work: what is left running, and who runs it."""
