"""`python -m parkwacht_api` is `parkwacht`."""

from parkwacht_api.cli import main

main()
