#!/bin/sh
# Prints the Go toolchain that go.mod names, such as go1.26.8. Everything that
# ships is built with it, so that the builder's own version of Go does not matter.
set -eu
sed -n 's/^go /go/p' "$(dirname "$0")/../go.mod"
