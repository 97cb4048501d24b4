"""Shown when the server itself failed."""

from pages.public.lost import lost

head, page = lost("crash", way="nf.home", to="landing")
