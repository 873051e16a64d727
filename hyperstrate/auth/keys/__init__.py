"""API keys and virtual keys: what they are, and whose a secret is."""
