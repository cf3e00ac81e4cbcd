#!/bin/sh
# Install the Debian packages of the named sections of deploy/packages that
# are missing, as root or through sudo; says which.
#   deploy/install.sh build [test]
set -eu
list=$(dirname "$0")/packages

missing=
for section in "$@"; do
	for p in $(awk -v s="[$section]" '/^\[/ { on = ($1 == s); next }
		on { sub(/#.*/, ""); if ($1) print $1 }' "$list"); do
		case $p in
		nodejs) command -v node >/dev/null && continue ;;
		npm) command -v npm >/dev/null && continue ;;
		esac
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $p"
	done
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "missing packages:$missing" >&2
		echo "install them as root: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "installing packages:$missing"
# The distribution's own cluster is not needed: ours is private.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	$as_root mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' |
		$as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
