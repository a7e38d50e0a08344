#!/bin/bash
# tests/deb_inside.sh packages|database - the part of tests/deb.sh that runs in the bare Debian, as /packages/test.
# shellcheck disable=SC2016 # expressions for other shells
set -uo pipefail
cd /packages || exit
export DEBIAN_FRONTEND=noninteractive

# check WHAT COMMAND... - a line ok or FAILED, here and in the results.
check() {
	local what=$1 word=ok
	shift
	"$@" >check.log 2>&1 || word=FAILED
	printf '%-6s  %s\n' "$word" "$what" | tee -a results
	[[ $word == ok ]] || sed 's/^/        /' check.log
}
same() { [[ $1 == "$2" ]] || { printf 'got    %s\nwanted %s\n' "$1" "$2"; return 1; }; }
absent() { [[ ! -e $1 ]] || { ls -ld "$1"; return 1; }; }
# apt WORD... - runs apt-get; what it said is in apt.log.
apt() { apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o DPkg::Path="$PATH" "$@" >apt.log 2>&1 </dev/null || { cat apt.log; return 1; }; }
mode() { stat -c '%A %U:%G' "$1"; }
state() { dpkg-query -W -f '${db:Status-Status} ${Version}' gestor 2>/dev/null; }
# asked - what systemd was asked for since the last time.
asked() { sort -u asked 2>/dev/null | paste -sd';'; rm -f asked; }

# What systemctl is asked for is written down, as on a machine that runs systemd; questions that need no manager are answered.
systemd_shim() {
	mkdir -p /run/systemd/system
	cat >/usr/local/sbin/systemctl <<-'END'
		#!/bin/sh
		case " $* " in
		*" is-enabled "*) rmdir /run/systemd/system; /bin/systemctl "$@"; status=$?; mkdir -p /run/systemd/system; exit $status ;;
		*" gestor"* | *" daemon-reload "*) echo "$*" >>/packages/asked ;;
		esac
	END
	chmod 755 /usr/local/sbin/systemctl
}

files() {
	check "the directory of secrets is root's alone" same "$(mode /etc/gestor)" 'drwx------ root:root'
	check "the settings are root's alone" same "$(mode /etc/gestor/environment)" '-rw------- root:root'
	check "the key is root's alone" same "$(mode /etc/gestor/jwt_secret)" '-rw------- root:root'
	check 'the key has 64 characters' same "$(wc -c </etc/gestor/jwt_secret)" 64
	check "the program is everybody's to run and root's to write" same "$(mode /usr/bin/gestor)" '-rwxr-xr-x root:root'
	check 'every other file likewise' same "$(dpkg -L gestor | grep -v '^/etc/gestor' | xargs -d "\n" stat -L -c '%a %U:%G %n' |
		grep -vE '^(755|644) root:root ' || :)" ''
	check 'every file is as it was packaged' dpkg --verify gestor
	check 'the user has no shell and no home' same "$(getent passwd gestor | cut -d: -f6,7)" '/:/usr/sbin/nologin'
}

packages() {
	systemd_shim
	check 'the version before is installed, with what it needs' apt install ./old.deb
	check 'its version' same "$(state)" 'installed 0.9'
	check 'it told what comes next' grep -q 'FIRST START' apt.log
	files
	check 'gestor version' bash -c 'gestor version | grep -E "^gestor [0-9]+\.[0-9]+\.[0-9]+$"'
	check 'every library is there' bash -c '! ldd /usr/bin/gestor | grep "not found"'
	check 'every command explains itself' gestor --help
	check 'systemd accepts the unit' same "$(systemd-analyze verify /lib/systemd/system/gestor.service 2>&1)" ''
	check 'nothing runs' same "$(ps_of gestor)" ''
	check 'nothing was started or enabled' same "$(asked)" '--system daemon-reload'
	check 'it does not start with the machine' same "$(systemctl is-enabled gestor)" 'disabled'
	check 'it does not start without a database' grep -q '^AssertPathExists=/etc/gestor/database_url$' /lib/systemd/system/gestor.service
	check 'the page is there' bash -c 'zcat /usr/share/man/man1/gestor.1.gz | grep -q GESTOR_KEYS_MAX'

	# An administrator changes a setting, keeps a database, and enables the service.
	echo 'GESTOR_LOG_LEVEL=debug' >>/etc/gestor/environment
	install -m 600 /dev/stdin /etc/gestor/database_url <<<'postgresql://gestor_serve:word@127.0.0.1/gestor'
	/bin/systemctl --root=/ enable gestor >enable.log 2>&1
	cp -a /etc/gestor before
	check 'the upgrade' apt install ./new.deb
	check 'its version is another' bash -c '[[ $1 == "installed "* && $1 != *" 0.9" ]]' - "$(state)"
	check 'it told to migrate' grep -q 'gestor migrate' apt.log
	check 'settings, key and URL are as they were' diff -r before /etc/gestor
	check 'their modes too' same "$(stat -c '%a %U %n' /etc/gestor/*)" "$(cd before && stat -c '%a %U /etc/gestor/%n' ./* | sed 's#\./##')"
	check 'other files are of the new version' bash -c '! grep -q "of the version before" /usr/share/doc/gestor/examples/alerts.yml'
	check 'what runs was left alone' same "$(asked)" '--system daemon-reload'
	check 'it still starts with the machine' same "$(systemctl is-enabled gestor)" 'enabled'
	check 'a second time' apt reinstall ./new.deb
	check 'nothing changed' diff -r before /etc/gestor
	rm -f asked

	check 'removing' apt remove gestor
	check 'it was stopped' bash -c '[[ $1 == *"stop gestor.service"* ]]' - "$(asked)"
	check 'the program is gone' absent /usr/bin/gestor
	check 'settings, key and URL are still there' diff -r before /etc/gestor
	check 'installed again, it has the same key' apt install ./new.deb
	check 'and the same settings' diff -r before /etc/gestor
	check 'purging' apt purge gestor
	check 'secrets and settings are gone' absent /etc/gestor
	check 'the unit is gone' absent /lib/systemd/system/gestor.service
	check 'so is what enabled it' absent /etc/systemd/system/multi-user.target.wants/gestor.service
	check 'dpkg knows nothing of it' same "$(state)" ''
	check 'nothing of it is left' same "$(find / -xdev -name '*gestor*' -not -path '/proc/*' -not -path '/packages/*' | grep -v '^/var/log\|^/var/cache\|^/var/lib/apt' || :)" ''
	rm -r /usr/local/sbin/systemctl /run/systemd
}

ps_of() { grep -lxs "$1" /proc/[0-9]*/comm; }
# answers PATH - the status of GET PATH at the service.
answers() { (exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3 && read -r _ status _ <&3 && echo "$status") 2>/dev/null; }
until_ready() { local try; for ((try = 0; try < 200; try++)); do [[ $(answers /readyz) != 200 ]] || return 0; sleep 0.1; done; cat serve.log; return 1; }

database() {
	ip link set lo up
	check 'the new version on a machine that had none' apt install ./new.deb
	check 'PostgreSQL runs' pg_ctlcluster --skip-systemctl-redirect "$(cd /etc/postgresql && echo *)" main start
	check "the page's first start makes roles, database and schema" bash -euo pipefail first_start
	check 'the passwords are gone' absent /run/gestor-roles
	check "the URLs are root's alone" same "$(stat -c '%a %U %n' /etc/gestor/*_url | paste -sd' ')" '600 root /etc/gestor/database_url 600 root /etc/gestor/owner_url'
	check 'an account' bash -c 'head -c 15 /dev/urandom | base64 | DATABASE_URL_FILE=/etc/gestor/owner_url gestor advisor add --username E1234567 --name "FULL NAME" --role admin'

	# As the unit starts it: as its user, the secrets as copies that this user can read.
	install -d -o gestor -m 500 /run/credentials
	install -o gestor -m 400 /etc/gestor/database_url /etc/gestor/jwt_secret /run/credentials
	env -i DATABASE_URL_FILE=/run/credentials/database_url GESTOR_JWT_SECRET_FILE=/run/credentials/jwt_secret \
		setpriv --reuid=gestor --regid=gestor --clear-groups --bounding-set=-all --no-new-privs gestor serve >serve.log 2>&1 &
	check 'the service gets ready' until_ready
	check 'it serves the contract' same "$(answers /openapi.yaml)" 200
	check 'and asks for a token' same "$(answers /v1/catalogs)" 401
	check 'the service ends' bash -c 'kill -TERM "$1"; for ((i = 0; i < 200; i++)); do [[ -e /proc/$1/exe ]] || exit 0; sleep 0.1; done; exit 1' - "$!"
}

rm -f check.log
"$1"
