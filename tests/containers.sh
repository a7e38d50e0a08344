#!/bin/bash
# tests/containers.sh - builds the Dockerfile, runs docker-compose.yml with podman, and proves what both promise (tests/containers/check.js).
#
# It needs root, debootstrap and podman of Debian 12 (tools/deps.sh containers). No image is fetched: debootstrap makes debian:trixie-slim
# (tools/debian.sh), and images of Debian's packages stand in for PostgreSQL's and HAProxy's (tests/containers/*.Containerfile). All
# that podman stores is under build/containers and /run/gestor-containers, and goes at the end. The last line is `N passed, N failed`.
# CONTAINERS_KEEP=1 keeps the images in build/containers for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=tools/debian.sh
. tools/debian.sh
debian_begin trixie
store=$PWD/build/containers volatile=/run/gestor-containers
mkdir -p "$store" "$volatile"
exec 8>"$volatile/lock"
flock -n 8 || die 'this test is already running'

# crun fails where both versions of cgroups are mounted, so runc; and limits no higher than the hard ones of this session.
bound() { local hard; hard=$(ulimit -H "$1"); if [[ $hard == unlimited ]] || ((hard > $2)); then echo "$2"; else echo "$hard"; fi; }
files=$(bound -n 4096) processes=$(bound -u 4096)
cat >"$store/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$store/graph"
runroot = "$volatile/storage"
END
cat >"$store/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
events_logger = "file"
cgroup_manager = "cgroupfs"
static_dir = "$store/static"
tmp_dir = "$volatile/tmp"
volume_path = "$store/volumes"
[network]
network_backend = "netavark"
network_config_dir = "$store/networks"
END
# Docker's format of images: the other one has no health checks.
export BUILDAH_FORMAT=docker
export CONTAINERS_STORAGE_CONF=$store/storage.conf CONTAINERS_CONF=$store/containers.conf
# The containers are this test's own, and so are the secrets: a copy of the tree has both.
project=gestor-test
work=$store/$project root=''
# shellcheck disable=SC2317 # a trap calls it
undo() {
	trap '' INT TERM HUP
	podman ps -aq | xargs -r podman rm -f -t 2 >/dev/null 2>&1 || :
	podman network prune -f >/dev/null 2>&1 || :
	podman volume prune -f >/dev/null 2>&1 || :
	if [[ ! ${CONTAINERS_KEEP-} ]]; then
		podman system reset -f >/dev/null 2>&1 || :
		umount -q "$store/graph/overlay" 2>/dev/null || :
		rm -rf "$store" "$volatile"
	fi
	[[ ! $root ]] || rm -rf --one-file-system "$root"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What an earlier run left that was killed.
podman ps -aq | xargs -r podman rm -f -t 2 >/dev/null 2>&1 || :
podman volume prune -f >/dev/null 2>&1 || :
rm -rf "$work"
mkdir -p "$work/tests"
tar -c --exclude=deploy/secrets --exclude=node_modules --exclude=__pycache__ .dockerignore Dockerfile Makefile docker-compose.yml api db deploy openapi.yaml tools |
	tar -x -C "$work"
cp -R tests/containers "$work/tests"
sed -i "s/^name: gestor$/name: $project/" "$work/docker-compose.yml"
"$work/tools/make-secrets.sh" >/dev/null

if ! podman image exists debian:trixie-slim; then
	say 'The base image, made by debootstrap'
	root=$(mktemp -d "$base.run.XXXXXX")
	debian_copy "$root"
	debian_run "$root" :
	tar -C "$root" --one-file-system -c . | podman import -q --change 'CMD ["bash"]' - debian:trixie-slim >/dev/null
	rm -rf --one-file-system "$root"
	root=''
fi
exec 9>&-

# build NAME WORD... - builds an image. It needs the network of this system, to fetch packages.
build() {
	say "The image $1"
	podman build --network host -t "$@" >"$store/build.log" 2>&1 || { tail -n 20 "$store/build.log" >&2; die "the image $1 could not be built"; }
}
build postgres:17-trixie -f postgres.Containerfile tests/containers
build haproxy:3.0 -f haproxy.Containerfile tests/containers
build gestor "$work"
# The version after: one more migration. The first stage of the Dockerfile has compiled everything else.
build gestor-build --target build "$work"
build gestor-next -f next.Containerfile tests/containers

here=$PWD
GESTOR_HTTPS_PORT=$(free_port)
export GESTOR_HTTPS_PORT
cd "$work"
node "$here/tests/containers/check.js" "$project" "$here" 8>&-
