#!/bin/sh
# Runs gpg on standard input with every key that SIGNING_KEY names.
# usage: sign.sh --clearsign | --armor --detach-sign
set -eu
for key in $SIGNING_KEY; do
	set -- --local-user "$key" "$@"
done
exec gpg --batch --quiet --no-tty --digest-algo SHA512 --no-emit-version --output - "$@"
