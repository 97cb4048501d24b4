"""A tenant's own face: name, logo, colour and words, and its switches."""
