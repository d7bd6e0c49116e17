"""What is shown of the service: its machines and their queue."""
