#!/bin/sh
# House rules that a compiler does not see. Prints what is wrong, a line each,
# and then "N passed, N failed" over the rules. Needs clang-format, shellcheck
# and codespell.
set -u
cd "$(dirname "$0")/.." || exit 1

tally=$(mktemp)
trap 'rm -f "$tally"' EXIT
# Runs at the end of a pipe, so in a subshell: the count goes into a file.
rule() { # rule NAME: reads findings from standard input
	found=$(cat)
	if [ -n "$found" ]; then
		printf '%s\n' "$found" | sed "s/^/$1: /"
		echo failed >>"$tally"
	else
		echo passed >>"$tally"
	fi
}

files() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done; }

c_files=$(files '*.c' '*.h')
sh_files=$(files '*.sh' deploy/quickstart tests/run .ci/run)
echo_c() { printf '%s\n' "$c_files"; }

echo_c | xargs clang-format --dry-run -Werror 2>&1 | grep 'error:' | rule format
echo_c | xargs grep -nE '\b(atoi|atol|sprintf|strcpy|strcat|strtok|gets|scanf|alloca)[[:space:]]*\(' |
	rule 'banned function'
echo_c | grep -v '^db/' | xargs grep -n 'libpq-fe\.h' | rule 'libpq outside db/'
echo_c | xargs wc -l | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines, at most 800" }' |
	rule 'file length'
echo_c | xargs awk '
	FNR == 1 { start = 0 }
	/^{/ { start = FNR }
	/^}/ { if (start && FNR - start > 81)
		print FILENAME ":" start ": " FNR - start - 1 " lines, at most 80"
		start = 0 }' | rule 'function length'
echo_c | grep -v '^core/buf.h' | xargs grep -nE 'AUTO_(SECRET_)?BUF [a-z_0-9]+(;|,)' |
	rule 'automatic buffer without BUF_NULL'
echo_c | xargs grep -nE '^typedef struct' | rule 'typedef of a struct'
echo_c | grep '^indexer/' | xargs -r grep -n '#include "bridge/' | rule 'indexer includes bridge'
echo_c | grep '^bridge/' | xargs -r grep -n '#include "indexer/' | rule 'bridge includes indexer'
echo_c | grep '\.c$' | while read -r f; do
	head -n 1 "$f" | grep -q '^/\*' || echo "$f"
done | rule 'no opening paragraph'
# A migration that was released never changes; new ones get the next number.
git log --diff-filter=M --format= --name-only "$(git describe --tags --abbrev=0 2>/dev/null || echo HEAD)"..HEAD -- migrations |
	sort -u | rule 'changed migration'
printf '%s\n' "$sh_files" | xargs shellcheck -S warning 2>&1 | rule shellcheck
files | grep -vE 'package-lock\.json|openapi\.json|/vectors/|/corpus/|abi/contract/RoomRegistry\.json|ngpack' |
	xargs codespell -L copys,inout,ot,te,ba,keypair,anc,iff,fo,ser,crate,hel,nd,tha,hist 2>&1 | rule codespell

passed=$(grep -c passed "$tally")
failed=$(grep -c failed "$tally")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
