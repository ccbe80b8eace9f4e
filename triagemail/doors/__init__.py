"""The outside worlds, one library each: IMAP, SMTP in, SMTP out."""
