#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# file.sh DIFFERENTIAL PYTHON PROFILE: resolves the profile apart from the product and compares.
set -eu
if [ ! -r "$3" ]; then
	echo "$3: not there; golang-github-containers-common is the package of seccomp.json" >&2
	exit 1
fi
resolved=$(mktemp)
trap 'rm -f "$resolved"' EXIT
"$2" "$(dirname "$0")/resolve.py" "$3" 6.1 CAP_CHOWN >"$resolved"
"$1" file "$3" "$resolved"
