# lib.sh -- what tools/run and tools/test share; sourced, with the checkout as the current directory.

# Debian's programs only: a meson, python or clang from elsewhere on PATH would not find Debian's libraries.
PATH=/usr/sbin:/usr/bin:/sbin:/bin

BUILD_PACKAGES=(
	gcc libc6-dev meson ninja-build pkg-config
	libevent-dev libldns-dev libsqlite3-dev liburcu-dev libjansson-dev libcurl4-openssl-dev libinih-dev
	libunbound-dev
)

# While packages are installed nothing may start a service (invoke-rc.d and deb-systemd-invoke ask policy-rc.d):
# a name server that comes along would take port 53. A policy that the administrator has made stays as it is.
forbid_services()
{
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

UNITS=/etc/systemd/system

# enabled -- what starts with the machine: the links that packages make.
enabled()
{
	[ ! -d "$UNITS" ] || find "$UNITS" -type l -path '*.wants/*' | sort
}

# install_quietly NAME... -- installs packages; what they bring starts neither now nor with the machine.
install_quietly()
{
	local before status=0

	export DEBIAN_FRONTEND=noninteractive
	before=$(enabled)
	forbid_services &&
		apt-get -qq update &&
		apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null || status=$?
	comm -13 <(printf '%s\n' "$before") <(enabled) | xargs -r -d '\n' rm -f
	return $status
}

# install_packages NAME... -- installs those of the Debian packages that are missing. Without any it asks nobody.
install_packages()
{
	local name missing=()

	for name; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		printf 'These packages are missing. As root:\n  apt-get install --no-install-recommends %s\n' \
			"${missing[*]}" >&2
		return 1
	fi
	printf 'installing %s\n' "${missing[*]}"
	(install_quietly "${missing[@]}")
}

# build NAME COMPILER [MESON-OPTION...] -- builds into build/NAME.
build()
{
	local dir=build/$1 compiler=$2

	shift 2
	mkdir -p build
	# An interrupted setup leaves a folder without build.ninja, which meson takes up again.
	[ -f "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "$@" >"$dir.log" 2>&1 || {
		cat "$dir.log"
		return 1
	}
	ninja --quiet -C "$dir"
}

# usage FILE -- prints the comment at the head of a tool, and ends with status 2.
usage()
{
	sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$1" >&2
	exit 2
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || {
		echo "$1 needs root" >&2
		exit 1
	}
}

SERVER_UNITS=(svcdns.socket svcdns-http.socket svcdns.service)
MANIFEST_DIR=/usr/local/share/svcdns # where tools/install notes what it installed

# enable_units ROOT -- enables the units, and starts them if systemd runs here and ROOT is empty.
enable_units()
{
	if ! command -v systemctl >/dev/null; then
		echo 'systemd is not installed here: start /usr/local/sbin/svcdnsd --config=/etc/svcdns/svcdns.conf yourself'
	elif [ -n "$1" ]; then
		systemctl --quiet --root="$1" enable "${SERVER_UNITS[@]}"
	elif [ ! -d /run/systemd/system ]; then
		systemctl --quiet enable "${SERVER_UNITS[@]}"
		echo 'systemd does not run here: the units are enabled, and start with it'
	else
		systemctl daemon-reload
		systemctl --quiet enable "${SERVER_UNITS[@]}"
		systemctl start svcdns.socket svcdns-http.socket
		systemctl restart svcdns.service
		echo 'svcdns.service runs'
	fi
}

# disable_units ROOT -- the reverse.
disable_units()
{
	if ! command -v systemctl >/dev/null; then
		return 0
	elif [ -n "$1" ]; then
		systemctl --quiet --root="$1" disable "${SERVER_UNITS[@]}" 2>/dev/null || true
	elif [ ! -d /run/systemd/system ]; then
		systemctl --quiet disable "${SERVER_UNITS[@]}" 2>/dev/null || true
	else
		systemctl --quiet disable --now "${SERVER_UNITS[@]}" || true
	fi
}

# forget_units ROOT -- systemd forgets the units, whose files are gone.
forget_units()
{
	[ -n "$1" ] || [ ! -d /run/systemd/system ] || {
		systemctl daemon-reload
		systemctl reset-failed "${SERVER_UNITS[@]}" 2>/dev/null || true
	}
}
