"""The language of mail: bytes to values and back. No clock, no sockets, no database."""
