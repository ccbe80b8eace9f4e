"""`python -m triagemail`"""

from triagemail.cli import main

main()
