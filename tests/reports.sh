#!/bin/bash
# tests/reports.sh DIR - fails, and shows them, when sanitizers wrote reports into DIR.
set -euo pipefail
shopt -s nullglob
reports=("$1"/*)
((${#reports[@]})) || exit 0
printf '%d processes had something to report:\n' "${#reports[@]}"
# The same lines of code are often found at again and again.
grep -hE '^SUMMARY|runtime error' "${reports[@]}" | sort | uniq -c | sort -rn | head -n 40
head -n 200 "${reports[0]}"
exit 1
