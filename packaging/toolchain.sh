#!/bin/sh
# Prints the Go toolchain that go.mod names, such as go1.26.8. Everything that ships is
# built with it, whatever the builder's version of Go is.
set -eu
sed -n 's/^go /go/p' "$(dirname "$0")/../go.mod"
