#!/bin/bash
# tools/formatter.sh - whether clang-format is the version by which the sources are formatted: Debian 12's, 14.
#
# Each version breaks some lines otherwise. With another one, such as Debian 13's 19, `make format` changes
# nothing and `make lint` does not look at the formatting; the run on Debian 12 does.
set -euo pipefail
version=$(clang-format --version | sed -E 's/.*version ([0-9]+).*/\1/')
[[ $version == 14 ]] || { printf 'clang-format is version %s; the sources are formatted by 14 (Debian 12)\n' "$version" >&2; exit 1; }
