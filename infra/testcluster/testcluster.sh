#!/usr/bin/env bash
# A real Kubernetes on one Linux machine, for tests. Usage: npm run testcluster -- build|up|down|status
#
# build   builds the binaries that are missing; `up` does so too.
# up      builds what is missing, starts the cluster and waits for it. A cluster that is already up stays as it is; what
#         a start left that was stopped half-way is removed first. A start that fails removes all it did.
# down    removes the cluster and everything it left. Nothing is there: nothing happens.
# status  tells whether the cluster is up and, as NAME=value lines, how tests reach it. Ends with 0: up, 1: not up.
set -euo pipefail
folder="$(dirname "${BASH_SOURCE[0]}")/lib"
for file in env check build pki platform-images images up down; do
  # shellcheck source=/dev/null
  . "$folder/$file.sh"
done

is_up() {
  [ -e "$STATE/ready" ] && [ "$(owner)" = "$STATE" ] && timeout 10 "$BIN/kubectl" get --raw /readyz >/dev/null 2>&1
}

print_status() {
  cat <<TEXT
The test cluster is up: Kubernetes $KUBERNETES_VERSION, one node. Take it down with: npm run testcluster -- down
WHERRY_TEST_KUBECONFIG=$KUBECONFIG
WHERRY_TEST_REGISTRY=$REGISTRY
WHERRY_TEST_BUILDKIT=$BUILDKIT_ADDRESS
WHERRY_TEST_NETNS=${NODE_NS%-node}
WHERRY_TEST_BIN=$BIN
TEXT
}

# One command at a time; a daemon that is started closes the lock's descriptor, so the lock ends with this process.
lock() {
  mkdir -p "$CACHE"
  exec 9<"$CACHE"
  flock --nonblock 9 || { say "waiting for another testcluster command to end" && flock 9; }
}

build() {
  lock
  rm -rf "$CACHE"/*.partial
  trap 'stop_jobs; exit 130' INT
  trap 'stop_jobs; exit 143' TERM HUP
  build_binaries
}

up() {
  check_root
  check_packages
  check_folder
  lock
  check_owner
  # What was being built or made when an earlier start was stopped.
  rm -rf "$CACHE"/*.partial
  if is_up; then
    print_status
    return
  fi
  if [ -n "$(owner)" ] || [ -e "$MARKER" ]; then
    say "removing what an earlier start left"
    take_down
  fi
  check_kubelet
  check_routes
  trap 'stop_jobs; exit 130' INT
  trap 'stop_jobs; exit 143' TERM HUP
  build_binaries
  trap 'undo $?' EXIT
  bring_up
  trap - EXIT INT TERM HUP
  print_status
}

# What runs in the background (a build, above all) does not hear a terminal's Ctrl-C.
stop_jobs() {
  local jobs
  jobs="$(jobs -p)"
  # shellcheck disable=SC2086 # one word for each pid
  [ -z "$jobs" ] || kill -TERM $jobs 2>/dev/null || true
}

# A start that failed keeps nothing but the daemons' logs, beside the state folder.
undo() {
  trap - EXIT
  if [ -d "$LOGS" ]; then
    rm -rf "$STATE-failed-logs"
    cp -r "$LOGS" "$STATE-failed-logs"
    say "the start did not succeed; the logs are in $STATE-failed-logs"
  fi
  take_down
  exit "$1"
}

down() {
  check_root
  check_folder
  lock
  check_owner
  if [ -z "$(owner)" ] && [ ! -e "$MARKER" ]; then
    echo "There is no test cluster to take down."
    return
  fi
  take_down
  rm -rf "$STATE-failed-logs"
  local left
  left="$(leftovers)"
  [ -z "$left" ] || fail "The test cluster is down, but this is left of it: $left. Run down again."
  echo "The test cluster is down."
}

status() {
  if is_up; then
    print_status
  elif [ -n "$(owner)" ] || [ -e "$MARKER" ]; then
    fail "The test cluster of $(owner) is not up as a whole. Start it again with: npm run testcluster -- up"
  else
    fail "The test cluster is not up. Start it with: npm run testcluster -- up"
  fi
}

case "${1:-}" in
  build | up | down | status) "$1" ;;
  *) fail "Say what to do: npm run testcluster -- build|up|down|status" ;;
esac
