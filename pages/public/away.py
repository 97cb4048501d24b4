"""Shown while the platform's database does not answer."""

from pages.public.lost import lost

head, page = lost("pause", way="pause.again", to="sign_in")
