#!/bin/sh
# Runs nfpm, which writes a Debian package. Paths in the configuration are relative to the
# current directory. usage: nfpm.sh CONFIGURATION PACKAGE
set -eu
${GO:-go} run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0 package --config "$1" --packager deb --target "$2" >/dev/null
