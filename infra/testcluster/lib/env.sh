# Names, addresses, folders and small helpers that every other file here uses. Sourced, never run.

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
ROOT="$(cd "$HERE/../.." && pwd)"

# Everything of one cluster, thrown away by `down`.
STATE="$(realpath -m "${WHERRY_TESTCLUSTER_HOME:-$ROOT/.testcluster}")"
# Built binaries and images, each in a folder named by the hash of what it was made from: survives `down`.
CACHE="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/wherry/testcluster"

KUBERNETES_VERSION=1.34.4
SUITE=bookworm

# The whole node (etcd to pods) lives in one network namespace, so that the rules of kube-proxy and Felix never meet the
# machine's own, and so that removing the namespace removes all of them.
NODE_NS=wherry-node
NODE_NAME=wherry-node
OUTSIDE_NS=wherry-ext           # stands for the rest of the world, seen from the node
LINK=wherry-host                # the machine's end of the link; its alias names the state folder it belongs to

HOST_IP=10.250.0.1              # the machine's end of the link to the node
NODE_IP=10.250.0.2              # the node's InternalIP
LINK_CIDR=10.250.0.0/24
OUTSIDE_GATEWAY=10.250.1.1      # the node's end of the link to the outside
OUTSIDE_PEER=10.250.1.2
OUTSIDE_IP=203.0.113.10         # stands for an address on the internet
METADATA_IP=169.254.169.254     # stands for a cloud's metadata service
POD_CIDR=10.244.0.0/16
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1        # the first address of SERVICE_CIDR
DNS_IP=10.96.0.10

# The registry listens inside the node and is named by the node's address, so that one reference works from the
# machine, from containerd and from a pod.
REGISTRY="$NODE_IP:5000"

# Where tests install the registry that comes with the chart: a Service's address, named alike by pods, by BuildKit and
# by containerd. Plain HTTP, because no certificate authority of a test is known to the node.
BUNDLED_REGISTRY=10.96.0.50:5000

PKI="$STATE/pki"
LOGS="$STATE/logs"
PIDS="$STATE/pids"
MARKER="$STATE/.wherry-testcluster"
CONTAINERD_SOCKET="$STATE/containerd/containerd.sock"
BUILDKIT_ADDRESS="unix://$STATE/buildkit/buildkitd.sock"
export KUBECONFIG="$STATE/kubeconfig/admin.conf"

say() { printf '%4ds  %s\n' "$SECONDS" "$*" >&2; }
fail() {
  printf 'testcluster: %s\n' "$*" >&2
  exit 1
}

# Prints a short hash of files, folders (their names and content) and plain words.
hash_of() {
  local item
  for item in "$@"; do
    if [ -e "$item" ]; then
      (cd "$(dirname "$item")" && find "$(basename "$item")" -type f -print0 | sort -z | xargs -0 sha256sum)
    else
      echo "$item"
    fi
  done | sha256sum | cut -c1-16
}

# Runs a command in the node's network namespace. Not by `ip netns exec`: that also makes a mount namespace with a
# fresh /sys, which hides the cgroups from kubelet and containerd and cuts mount propagation to pods.
in_node() { nsenter --net="/run/netns/$NODE_NS" -- "$@"; }
in_outside() { nsenter --net="/run/netns/$OUTSIDE_NS" -- "$@"; }

# Runs a command that takes long, so that a signal to this shell ends it at once: bash handles a signal only between two
# commands, but also while it waits for one in the background.
interruptible() {
  "$@" &
  wait $!
}

# start NAME COMMAND…: a daemon inside the node, in a session of its own, its pid on record. setsid and nsenter replace
# themselves, so $! is the daemon's own pid. It must not inherit the lock (9).
start() {
  local name="$1"
  shift
  setsid nsenter --net="/run/netns/$NODE_NS" -- "$@" >"$LOGS/$name.log" 2>&1 </dev/null 9>&- &
  echo $! >"$PIDS/$name.pid"
}

# stop NAME SECONDS: TERM, then KILL once the grace is over. The command line is compared first: a pid on record may
# outlive its process, and pids are used again.
stop() {
  local name="$1" grace="$2" pid i
  [ -f "$PIDS/$name.pid" ] || return 0
  pid="$(cat "$PIDS/$name.pid")"
  if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -e "$STATE/"; then
    kill -TERM "$pid" 2>/dev/null
    for ((i = 0; i < grace * 10; i++)); do
      is_alive "$pid" || break
      sleep 0.1
    done
    if is_alive "$pid"; then kill -KILL "$pid" 2>/dev/null; fi
  fi
  rm -f "$PIDS/$name.pid"
}

# A zombie still has a folder in /proc, but is gone for everybody except its parent.
is_alive() { [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# wait_for SECONDS WHAT LOG COMMAND…: until the command succeeds. A failure shows the end of the log of who was waited for.
wait_for() {
  local end=$((SECONDS + $1)) what="$2" log="$LOGS/$3.log"
  shift 3
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      tail -n 15 "$log" >&2 2>/dev/null || true
      fail "$what did not become ready in time; the lines above are the end of its log."
    fi
    sleep 0.2
  done
}
