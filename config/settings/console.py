"""How the superadmin's console looks: Verbatim's name, and the accent of static/css/tokens.css."""

ACCENT = {
    "50": "oklch(97.5% .010 190)",
    "100": "oklch(94.2% .018 190)",
    "200": "oklch(89% .032 190)",
    "300": "oklch(81% .050 190)",
    "400": "oklch(70% .066 190)",
    "500": "oklch(56% .066 190)",
    "600": "oklch(44.6% .063 190)",
    "700": "oklch(39% .056 190)",
    "800": "oklch(33% .046 190)",
    "900": "oklch(28% .038 190)",
    "950": "oklch(21% .028 190)",
}
UNFOLD = {
    "SITE_TITLE": "Verbatim console",
    "SITE_HEADER": "Verbatim",
    "SITE_SUBHEADER": "Console",
    "SITE_SYMBOL": "shield",
    "COLORS": {"primary": ACCENT},
}
