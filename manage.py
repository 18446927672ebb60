#!/usr/bin/env python
"""Django's command line; `manage.py up` first gives this machine its addresses and secret."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")
    if sys.argv[1:2] == ["up"]:
        from parkmate.embedded import prepare_environment

        prepare_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
