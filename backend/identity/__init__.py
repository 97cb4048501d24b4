"""Admins, tenants, users and who they are."""
