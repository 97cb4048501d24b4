"""Passwords, tokens, sealed secrets, audit."""
