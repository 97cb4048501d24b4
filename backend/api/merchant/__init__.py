"""The doors of tenants' own systems, under ``/merchant``."""
