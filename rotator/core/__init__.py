"""Pure: certificates, credentials, decisions. Nothing here opens a file, a socket or a clock."""
