#!/bin/sh
# The server against kill -9, at fifty moments of two hundred builds (KILLS,
# BUILDS, SEED): t/3041-server-killed.t, which make check runs with five.
KILLS=${KILLS:-50} BUILDS=${BUILDS:-200}
export KILLS BUILDS
exec "$(cd "${0%/*}/.." && pwd)/3041-server-killed.t"
