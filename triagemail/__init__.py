"""triagemail: a company's production troubleshooting process, run wholly by mail."""

__version__ = "0.1.0"
