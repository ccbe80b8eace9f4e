"""The process itself: pure functions from a snapshot and an intent to a decision. Reads like process.md."""
