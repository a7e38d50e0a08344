#!/bin/bash
# tools/make-secrets.sh [NAME] - makes the secrets that docker-compose.yml reads from deploy/secrets/.
#
# Files that exist are left as they are. NAME is the host name in the self-signed certificate; for a real one, put the
# certificate, its chain and its key into deploy/secrets/tls.pem.
#
# Only the directory is closed to other users. The files are readable, because Compose mounts each of them with its mode
# into a container that runs as another user.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
name=${1:-localhost}
command -v openssl >/dev/null || die "openssl is needed to make the certificate"

umask 077
mkdir -p deploy/secrets
cd deploy/secrets
made=()
# save_new NAME - writes standard input to a file, unless it exists.
save_new() {
	if [[ -s $1 ]]; then
		cat >/dev/null
		return
	fi
	cat >"$1.new"
	chmod 444 "$1.new"
	mv "$1.new" "$1"
	made+=("$1")
}
save_new postgres_password < <(random_word 32)
save_new owner_password < <(random_word 32)
save_new serve_password < <(random_word 32)
save_new owner_url <<<"postgresql://gestor_owner:$(<owner_password)@postgres:5432/gestor"
save_new serve_url <<<"postgresql://gestor_serve:$(<serve_password)@postgres:5432/gestor"
save_new jwt_secret < <(openssl rand -base64 48)
if [[ ! -s tls.pem ]]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
		-addext "subjectAltName=DNS:$name,IP:127.0.0.1" -keyout key -out certificate 2>/dev/null
	cat certificate key | save_new tls.pem
	made+=(tls.pem)
	save_new tls.crt <certificate
	rm -f certificate key
fi
if ((${#made[@]})); then
	say "Made in deploy/secrets: ${made[*]}"
else
	say "deploy/secrets already has every file."
fi
