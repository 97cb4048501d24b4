"""Reads for the pages, in one place to look: shared frame, agent, tenant, admin."""

from backend.dashboards.shared import mark_notices_read, newest_notices, unread_notices, workspace_of

__all__ = ["mark_notices_read", "newest_notices", "unread_notices", "workspace_of"]
