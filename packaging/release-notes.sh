#!/bin/sh
# Prints the section of a version from a changelog, without its heading. A section
# begins with "## [1.0.0]" or "## 1.0.0"; anything may follow the version, such as
# a date. It exits with code 1 if the section is missing or empty.
#
# usage: release-notes.sh VERSION [CHANGELOG]
set -eu
version=$1
changelog=${2:-$(dirname "$0")/../CHANGELOG.md}

notes=$(VERSION=$version awk '
	/^## / {
		heading = $2
		gsub(/^\[|\]$/, "", heading)
		inside = heading == ENVIRON["VERSION"]
		next
	}
	/^\[[^]]+\]: / { next } # a link definition, which serves the headings
	inside && (begun || NF) { begun = 1; print }
' "$changelog")
if [ -z "$notes" ]; then
	echo "$changelog has no section for $version: add \"## $version\" with what changed, and commit it before you tag." >&2
	exit 1
fi
printf '%s\n' "$notes"
