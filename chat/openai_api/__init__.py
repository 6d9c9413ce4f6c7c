"""The OpenAI protocol as another door to the same engine: `/v1/chat/completions` and `/v1/models`."""
