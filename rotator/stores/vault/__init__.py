"""HashiCorp Vault or OpenBao (KV version 2) as a store."""
