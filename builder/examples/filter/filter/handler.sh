#!/bin/sh
# A picture comes in, a filtered PNG goes out. The path names the filter: /charcoal (usual), /blur or /gray.
set -eu

export MAGICK_TEMPORARY_PATH=/tmp

# The bounds are for pictures that are made to be enormous.
filter() {
  exec convert -limit memory 128MiB -limit map 128MiB -limit disk 0 - "$@" png:-
}

case "${Http_Path:-/}" in
  / | /charcoal) filter -charcoal 2 ;;
  /blur) filter -blur 0x6 ;;
  /gray) filter -colorspace Gray ;;
  *)
    # With a status of 500 the caller is told what was printed.
    echo "There is no filter ${Http_Path}. Use /charcoal, /blur or /gray."
    exit 1
    ;;
esac
