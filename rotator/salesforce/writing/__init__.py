"""How a component is written: by an update, or as a file of a deployment, which an org can also only check."""
