"""What models ask of the apps to the right of this one, which it may not import."""

from django.dispatch import Signal

# Somebody set another language: (actor, collection, text_search_config), the collection's row locked.
# Its documents are indexed in the present one; the receiver sees that both change together, at once or later.
language_wanted = Signal()
