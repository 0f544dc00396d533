"""The service: from a question to a cited answer."""
