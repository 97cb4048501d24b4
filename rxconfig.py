"""Reflex settings only. No Radix and no Tailwind: the app brings its own stylesheets, at half the weight."""

import reflex as rx

config = rx.Config(
    app_name="ironbull_app",
    plugins=[],
    disable_plugins=[rx.plugins.RadixThemesPlugin, rx.plugins.SitemapPlugin],
    default_color_mode="dark",
    state_manager_mode="memory",
    redis_token_expiration=1800,
    frontend_packages=["@fontsource-variable/inter@5.3.0"],
    show_built_with_reflex=False,
    telemetry_enabled=False,
    frontend_compression_formats=["gzip"],
)
