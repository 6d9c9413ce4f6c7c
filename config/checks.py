"""Numbered system checks: what must hold before Verbatim serves anybody."""
