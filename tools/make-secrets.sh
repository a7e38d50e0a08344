#!/bin/bash
# tools/make-secrets.sh [NAME] - what docker-compose.yml reads from deploy/secrets/.
#
# Makes what is not there and leaves what is. NAME is the host's name in the
# certificate, which is self-signed: put a real one with its chain and key into
# deploy/secrets/tls.pem instead.
#
# The directory is closed to others. The files are not: Compose mounts them one by
# one, with the modes they have here, into containers that run as other users.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
name=${1:-localhost}
command -v openssl >/dev/null || die "openssl is needed, for the certificate"

umask 077
mkdir -p deploy/secrets
cd deploy/secrets
made=()
# keep NAME - standard input into a file, unless there is one.
keep() {
	if [[ -s $1 ]]; then
		cat >/dev/null
		return
	fi
	cat >"$1.new"
	chmod 444 "$1.new"
	mv "$1.new" "$1"
	made+=("$1")
}
keep postgres_password < <(random_word 32)
keep owner_password < <(random_word 32)
keep serve_password < <(random_word 32)
keep owner_url <<<"postgresql://gestor_owner:$(<owner_password)@postgres:5432/gestor"
keep serve_url <<<"postgresql://gestor_serve:$(<serve_password)@postgres:5432/gestor"
keep jwt_secret < <(openssl rand -base64 48)
if [[ ! -s tls.pem ]]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
		-addext "subjectAltName=DNS:$name,IP:127.0.0.1" -keyout key -out certificate 2>/dev/null
	cat certificate key | keep tls.pem
	made+=(tls.pem)
	keep tls.crt <certificate
	rm -f certificate key
fi
if ((${#made[@]})); then
	say "Made in deploy/secrets: ${made[*]}"
else
	say "Everything is in deploy/secrets already."
fi
