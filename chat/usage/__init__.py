"""What asking costs: the ledger of it, the limits on it, and who may see and set them."""
