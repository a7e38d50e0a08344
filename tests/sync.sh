#!/bin/bash
# tests/sync.sh - runs examples/sync.py: it is killed, goes on where it was, and has all finished opportunities in the end.
#
# GESTOR_URL, GESTOR_CLIENT_ID and GESTOR_CLIENT_SECRET are for the example, SYNC_DIRECTORY is a new directory for its copies.
set -euo pipefail

# It waits for further events when it has read all, so it is killed somewhere.
SYNC_WAIT=25 python3 examples/sync.py &
for ((try = 0; try < 200; try++)); do
	[[ ! -s $SYNC_DIRECTORY/place ]] || break
	sleep 0.05
done
kill -KILL $!
wait $! 2>/dev/null || :
said=$(python3 examples/sync.py)
printf '%s\n' "$said"
[[ $said == 'Events read: '* ]] || { echo 'it did not end as it should'; exit 1; }
files=("$SYNC_DIRECTORY"/opportunities/*.json)
((${#files[@]} >= 3)) || { echo "it copied ${#files[@]} opportunities"; exit 1; }
for file in "${files[@]}"; do
	python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); c = json.load(open(sys.argv[2] + "/clients/" + o["client_id"] + ".json")); assert o["closure"]["closed_at"] and c["name"], o' \
		"$file" "$SYNC_DIRECTORY"
done
[[ $(python3 examples/sync.py) == 'Events read: 0, records copied: 0' ]] || { echo 'it reads events twice'; exit 1; }
