"""What a sentence claims and whether a text bears it out: quantities, polarity, names, quotations. Pure."""
