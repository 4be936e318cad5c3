# Removes all that the cluster and its pods left on the machine, and touches nothing else: every process, mount,
# namespace and cgroup is found by this cluster's own names and paths. Goes on after each step that fails, so it can be
# run again, and after a start that got only half-way. Sourced, never run.

take_down() {
  local file pid
  # Who takes the cluster down waits a few seconds; stopping in the middle would only leave more to do.
  trap '' INT TERM HUP
  set +eu
  stop_daemons
  remove_pods
  stop containerd 5
  # What still has a pid on record, then what runs in the node's namespace without one (its folder was removed by hand).
  for file in "$PIDS"/*.pid; do [ -e "$file" ] && stop "$(basename "$file" .pid)" 3; done
  for pid in $(ip netns pids "$NODE_NS" 2>/dev/null) $(ip netns pids "$OUTSIDE_NS" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
  remove_mounts
  remove_network
  remove_cgroups
  remove_files
  set -eu
  trap - INT TERM HUP
}

# Prints what is still there of the cluster, a line each; nothing when all is gone.
leftovers() {
  awk -v folder="$STATE/" 'index($5, folder) == 1 {print "mount " $5}' /proc/self/mountinfo
  pgrep -f -- "containerd-shim-runc-v2 .*-address $CONTAINERD_SOCKET" | sed 's/^/process /' || true
  find "/run/netns/$NODE_NS" "/run/netns/$OUTSIDE_NS" "/sys/class/net/$LINK" "$STATE" -maxdepth 0 2>/dev/null || true
  find /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods -maxdepth 0 2>/dev/null || true
}

# What would start new pods goes first, at once: the state is thrown away, and the API server's graceful exit alone would
# take over ten seconds.
stop_daemons() {
  local name
  for name in kubelet scheduler controller-manager kube-proxy felix apiserver etcd; do stop "$name" 0; done
  stop buildkitd 5
}

# Stopping containerd alone would leave the shims and what they run.
remove_pods() {
  local id pid child
  if [ -S "$CONTAINERD_SOCKET" ] && containers version >/dev/null 2>&1; then
    # The namespaces that containerd made for the sandboxes, before their records go, and the results of the CNI plugins.
    for id in $(containers containers ls -q 2>/dev/null); do
      rm -f /var/lib/cni/results/*-"$id"-*
      containers containers info "$id" 2>/dev/null | jq -r '.Spec.linux.namespaces[]? | select(.type=="network") | .path // empty'
    done | sort -u >"$STATE/sandboxes"
    for id in $(containers tasks ls -q 2>/dev/null); do containers tasks kill -s KILL -a "$id" >/dev/null 2>&1; done
    for id in $(containers tasks ls -q 2>/dev/null); do containers tasks delete -f "$id" >/dev/null 2>&1; done
    for id in $(containers containers ls -q 2>/dev/null); do containers containers rm "$id" >/dev/null 2>&1; done
  fi
  # A shim that is still there names this cluster's socket in its arguments; what it ran goes with its process group.
  for pid in $(pgrep -f -- "containerd-shim-runc-v2 .*-address $CONTAINERD_SOCKET"); do
    for child in $(pgrep -P "$pid"); do kill -KILL "$child" 2>/dev/null; done
    kill -KILL "$pid" 2>/dev/null
  done
}

containers() { timeout 20 ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# The deepest first. mountinfo writes a space in a path as \040.
remove_mounts() {
  local mount
  awk -v folder="$STATE/" 'index($5, folder) == 1 {print $5}' /proc/self/mountinfo | sort -r |
    while read -r mount; do umount -l "$(printf '%b' "$mount")"; done
}

# Every rule and set of kube-proxy and Felix, and every virtual interface, goes with the namespaces.
remove_network() {
  local namespace
  grep -sE '^(/var)?/run/netns/cni-' "$STATE/sandboxes" | while read -r namespace; do
    umount -l "$namespace" 2>/dev/null
    rm -f "$namespace"
  done
  ip netns del "$NODE_NS" 2>/dev/null
  ip netns del "$OUTSIDE_NS" 2>/dev/null
  ip link del "$LINK" 2>/dev/null # its routes go along
}

# Those that kubelet and BuildKit made (cgroup v1 and v2); nobody else removes them. One that somebody uses is not empty,
# and stays.
remove_cgroups() {
  local group
  for group in /sys/fs/cgroup/kubepods /sys/fs/cgroup/buildkit /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/*/buildkit; do
    [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
  done
}

# Some paths outside the state folder are fixed in kubelet, containerd and the CNI plugins: of those only what is ours
# or empty goes, and the folders only when they were not there before.
remove_files() {
  local folder
  find /var/log/containers -maxdepth 1 -type l -lname "$STATE/*" -delete 2>/dev/null
  rm -f /var/lib/kubelet/device-plugins/kubelet.sock /var/lib/calico/mtu
  for folder in /run/containerd /var/lib/cni /var/lib/kubelet /var/lib/calico /var/log/containers; do
    [ -d "$folder" ] && ! grep -qsxF "$folder" "$STATE/folders-before" && find "$folder" -depth -type d -empty -delete
  done
  if [ -e "$MARKER" ]; then
    # The marker goes last: a folder that could not be emptied is still known as ours.
    find "$STATE" -xdev -mindepth 1 -maxdepth 1 ! -path "$MARKER" -exec rm -rf --one-file-system {} +
    rm -f "$MARKER"
    rmdir "$STATE" || say "$STATE could not be emptied: something in it is still mounted or in use. Run down again."
  fi
}
