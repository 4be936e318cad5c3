#!/bin/sh
# A picture comes in, a filtered PNG goes out. The path names the filter: /charcoal (usual), /blur or /gray.
set -eu

# Bounds for pictures that are made to be enormous.
export MAGICK_TEMPORARY_PATH=/tmp

case "${Http_Path:-/}" in
  / | /charcoal) exec convert -limit memory 128MiB -limit map 128MiB -limit disk 0 - -charcoal 2 png:- ;;
  /blur) exec convert -limit memory 128MiB -limit map 128MiB -limit disk 0 - -blur 0x6 png:- ;;
  /gray) exec convert -limit memory 128MiB -limit map 128MiB -limit disk 0 - -colorspace Gray png:- ;;
  *)
    echo "There is no filter ${Http_Path}. Use /charcoal, /blur or /gray." >&2
    exit 1
    ;;
esac
