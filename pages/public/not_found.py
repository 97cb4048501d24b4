"""Shown when an address leads nowhere."""

from pages.public.lost import lost

head, page = lost("nf", way="nf.home", to="landing")
