"""The design tokens by name, for whoever composes the app."""

from pages.components.theme import *  # noqa: F403 - every token; pages may not import from here, so they live there
