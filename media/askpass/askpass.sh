#!/bin/sh
# sudo runs this as SUDO_ASKPASS: it hands the question on to the editor that asked for the helper, and
# prints the answer. See client.cjs beside it.
ELECTRON_RUN_AS_NODE=1 exec "$PROCNETMON_ASKPASS_NODE" "${0%/*}/client.cjs" "$@"
