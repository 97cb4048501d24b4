"""Tenants' own systems: keys and signatures, quota, repeatable calls, and the verbs behind the merchant API."""
