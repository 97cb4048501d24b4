"""Messages to agents, tenants and admins: in the app first, elsewhere best effort."""
