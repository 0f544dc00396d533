"""Dalil as a server of the Model Context Protocol (https://modelcontextprotocol.io): tools that a model calls to
search, ask and read the articles, over stdio and over HTTP."""
