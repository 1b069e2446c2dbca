#!/bin/sh
# Prints the version of the Debian package, from git:
#
#   1.2.0                          a tag v1.2.0 (or 1.2.0)
#   1.2.0+git20261201093000.1a2b3c a commit after that tag
#   0.0~git20261125012625.390c344  a commit before the first tag
#
# The time is that of the commit in UTC, so that versions increase; dpkg sorts "~" first,
# so that all of them precede the next tag. "+dirty" marks uncommitted changes.
set -eu
cd "$(dirname "$0")/.."

commit=git$(TZ=UTC git show -s --format=%cd --date=format-local:%Y%m%d%H%M%S).$(git rev-parse HEAD | cut -c1-7)
if exact=$(git describe --tags --exact-match --match '[0-9]*' --match 'v[0-9]*' 2>/dev/null); then
	version=${exact#v}
elif latest=$(git describe --tags --abbrev=0 --match '[0-9]*' --match 'v[0-9]*' 2>/dev/null); then
	version=${latest#v}+$commit
else
	version=0.0~$commit
fi
# A hyphen would begin a Debian revision: v1.2.0-rc1 is 1.2.0~rc1, before 1.2.0.
version=$(printf %s "$version" | sed 's/-/~/')
[ -z "$(git status --porcelain)" ] || version=$version+dirty
echo "$version"
