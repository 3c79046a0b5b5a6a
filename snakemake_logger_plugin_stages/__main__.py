"""Snakemake as its command starts it, without its first line, which names a profile, and with Ctrl-C in one line."""

import io
import sys
from contextlib import redirect_stderr


def main() -> None:
    """Run Snakemake with the arguments of this process."""
    said = io.StringIO()
    try:
        from snakemake.cli import args_to_api, parse_args, print_exception

        try:
            with redirect_stderr(said):
                parser, arguments = parse_args(None)
        except SystemExit:
            sys.stderr.write(said.getvalue())
            raise
        except Exception as error:
            print_exception(error)
            sys.exit(1)
        sys.exit(0 if args_to_api(arguments, parser) else 1)
    except KeyboardInterrupt:
        sys.exit("stopped; started again, it goes on")


if __name__ == "__main__":
    main()
