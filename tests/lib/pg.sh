#!/bin/sh
# A private PostgreSQL cluster for tests and the quickstart, over a unix socket
# only. Postgres refuses to run as root: then an unprivileged user runs it.
#   pg.sh start DIR [PORT]  starts (and, the first time, creates) the cluster
#                           below DIR and prints its connection URL
#   pg.sh stop DIR          stops it; the data stays
#   pg.sh run CMD…          a throwaway cluster around CMD, whose URL stands in
#                           CX_TEST_DATABASE; ends with CMD's exit code
# Below a folder that this user may not enter, such as root's home, it gets
# the right to pass through folders (CAP_DAC_READ_SEARCH) and no other.
set -eu

bin() {
	for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
		[ -x "$d/initdb" ] && { echo "$d"; return; }
	done
	dirname "$(command -v initdb)" 2>/dev/null || {
		echo "pg.sh: PostgreSQL is not installed (apt install postgresql)" >&2
		exit 1
	}
}

as_user() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		(cd / && setpriv --reuid "$PGUSER_OS" --regid "$PGUSER_OS" \
			--init-groups $PASS -- env HOME=/ "$@")
	fi
}

# What it takes to reach DIR; nothing where the way is open.
may_pass() {
	PASS=
	as_user ls -d "$DIR/data/." >/dev/null 2>&1 && return
	PASS='--inh-caps +dac_read_search --ambient-caps +dac_read_search'
	as_user ls -d "$DIR/data/." >/dev/null 2>&1 && return
	echo "pg.sh: user $PGUSER_OS cannot reach $DIR, and this container does not let root grant the way (CAP_DAC_READ_SEARCH): put the checkout where other users may enter, such as /opt or /srv" >&2
	exit 1
}

# The socket's path must stay below 100 bytes: a deep DIR gets one in /tmp.
socket_dir() {
	if [ -s "$DIR/socket" ]; then
		cat "$DIR/socket"
	elif [ "${#DIR}" -lt 70 ]; then
		echo "$DIR/run"
	else
		mktemp -d /tmp/cx-pg.XXXXXX
	fi
}

start() {
	mkdir -p "$DIR"
	SOCK=$(socket_dir)
	mkdir -p "$SOCK"
	echo "$SOCK" >"$DIR/socket"
	if [ "$(id -u)" = 0 ]; then
		mkdir -p "$DIR/data"
		chown "$PGUSER_OS" "$SOCK" "$DIR/data"
		chmod 700 "$DIR/data"
		touch "$DIR/postgres.log"
		chown "$PGUSER_OS" "$DIR/postgres.log"
		may_pass
	fi
	if [ ! -s "$DIR/data/PG_VERSION" ]; then
		as_user "$BIN/initdb" -D "$DIR/data" -U chaincast -A trust \
			-E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
	fi
	if ! as_user "$BIN/pg_ctl" -D "$DIR/data" status >/dev/null 2>&1; then
		as_user "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/postgres.log" -s -w \
			-o "-c listen_addresses='' -c unix_socket_directories='$SOCK' -c port=$PORT -c fsync=${CX_PG_FSYNC:-off} -c max_connections=50 -c log_min_messages=warning" \
			start </dev/null >/dev/null 2>&1 || {
			tail -n 20 "$DIR/postgres.log" >&2
			exit 1
		}
	fi
	psql_() { "$BIN/psql" -h "$SOCK" -p "$PORT" -U chaincast -X -q "$@"; }
	psql_ -d postgres -Atc "select 1 from pg_database where datname='chaincast'" |
		grep -q 1 || psql_ -d postgres -c 'create database chaincast' >/dev/null
	echo "postgresql://chaincast@/chaincast?host=$SOCK&port=$PORT"
}

stop() {
	[ "$(id -u)" != 0 ] || [ ! -d "$DIR/data" ] || may_pass
	as_user "$BIN/pg_ctl" -D "$DIR/data" -s -m fast -w stop >/dev/null 2>&1 || true
	case $(cat "$DIR/socket" 2>/dev/null) in
	/tmp/cx-pg.*)
		rmdir "$(cat "$DIR/socket")" 2>/dev/null || true
		rm -f "$DIR/socket"
		;;
	esac
}

# fsync is off unless CX_PG_FSYNC=on: the data is a test's or a demonstration's.
PORT=5432
BIN=$(bin)
PGUSER_OS=
PASS=
if [ "$(id -u)" = 0 ]; then
	for u in postgres nobody; do
		id "$u" >/dev/null 2>&1 && { PGUSER_OS=$u; break; }
	done
fi

case ${1:-} in
start | stop)
	DIR=${2:?pg.sh: DIR is missing}
	case $DIR in /*) ;; *) DIR=$PWD/$DIR ;; esac
	PORT=${3:-$PORT}
	"$1"
	;;
run)
	shift
	DIR=$(mktemp -d /tmp/cx-pg.XXXXXX)
	chmod 755 "$DIR"
	trap 'stop; rm -rf "$DIR"' EXIT
	trap 'exit 130' INT TERM HUP
	CX_TEST_DATABASE=$(start)
	export CX_TEST_DATABASE
	"$@"
	;;
*)
	sed -n '2,10p' "$0" >&2
	exit 2
	;;
esac
