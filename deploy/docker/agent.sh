#!/bin/sh
# bcc looks for headers in /lib/modules/$(uname -r), the host's kernel; what it finds there are those of
# the image, unless the host's own are mounted.
set -eu
wanted=/lib/modules/$(uname -r)
if [ ! -e "$wanted/build" ]; then
    ours=$(find /lib/modules -mindepth 2 -maxdepth 2 -name build | sort -V | tail -n 1)
    [ -n "$ours" ] || { echo "Error: the image has no kernel headers" >&2; exit 1; }
    mkdir -p "$wanted"
    ln -s "$(readlink -f "$ours")" "$wanted/build"
    [ ! -e "$(dirname "$ours")/source" ] || ln -s "$(readlink -f "$(dirname "$ours")/source")" "$wanted/source"
fi
exec flowatlas agent "$@"
