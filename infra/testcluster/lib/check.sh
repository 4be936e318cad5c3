# What has to be true of the machine before anything on it is touched. Sourced, never run.

PACKAGES=(
  ca-certificates conntrack containerd containernetworking-plugins curl debootstrap docker-registry etcd-server
  ipset iproute2 iptables jq nftables openssl procps python3-pip runc util-linux
)

check_root() {
  [ "$(id -u)" = 0 ] || fail "The test cluster needs root (network namespaces, mounts, cgroups): run the same command with sudo."
}

check_packages() {
  command -v dpkg-query >/dev/null || fail "The test cluster is made of Debian packages; this machine has no dpkg. Run it on Debian 12 or newer."
  local package missing=()
  for package in "${PACKAGES[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ "${#missing[@]}" = 0 ] ||
    fail "Debian packages are missing. Bring them with: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
}

check_folder() {
  # The path of a unix socket holds 107 bytes, and the longest below this folder adds 36.
  [ "${#STATE}" -le 70 ] || fail "The path $STATE is too long for unix sockets: set WHERRY_TESTCLUSTER_HOME to a shorter one (70 characters)."
  # `down` removes this folder whole, so it has to be one that `up` made.
  if [ -e "$STATE" ] && [ ! -e "$MARKER" ] && [ -n "$(ls -A "$STATE" 2>/dev/null)" ]; then
    fail "$STATE holds something else than a test cluster: set WHERRY_TESTCLUSTER_HOME to another folder."
  fi
}

# The state folder of the cluster that is up, however far it got; nothing when there is none.
owner() { cat "/sys/class/net/$LINK/ifalias" 2>/dev/null || true; }

check_owner() {
  local owner
  owner="$(owner)"
  if [ -n "$owner" ] && [ "$owner" != "$STATE" ] && [ -e "$owner/.wherry-testcluster" ]; then
    fail "The cluster that is up belongs to $owner, and a machine holds only one. Take it down with: WHERRY_TESTCLUSTER_HOME=$owner npm run testcluster -- down"
  fi
}

check_kubelet() {
  local pid
  pid="$(pgrep -x kubelet | head -n 1 || true)"
  [ -z "$pid" ] ||
    fail "A kubelet runs here (pid $pid), and two would share /kubepods and /var/lib/kubelet. Stop that cluster, or test against it with: npm run test:cluster -- --context NAME"
}

# Prints the first and the last address of a range as numbers.
bounds() {
  local address="${1%/*}" bits=32 a b c d
  [[ "$1" != */* ]] || bits="${1#*/}"
  IFS=. read -r a b c d <<<"$address"
  local first=$((((a << 24) + (b << 16) + (c << 8) + d) & (0xffffffff << (32 - bits) & 0xffffffff)))
  echo "$first $((first + (1 << (32 - bits)) - 1))"
}

check_routes() {
  local range route line low high first last
  while read -r line; do
    # A route may carry its type ("local 10.0.0.1 dev …") before its destination.
    route="$(grep -oE '^([a-z]+ )?[0-9]+(\.[0-9]+){3}(/[0-9]+)?' <<<"$line" | awk '{print $NF}')" || true
    [ -n "$route" ] && [ "$route" != 0.0.0.0/0 ] || continue
    read -r first last <<<"$(bounds "$route")"
    for range in "$LINK_CIDR" "$POD_CIDR" "$SERVICE_CIDR"; do
      read -r low high <<<"$(bounds "$range")"
      if [ "$first" -le "$high" ] && [ "$low" -le "$last" ]; then
        fail "A route of this machine ($line) overlaps the cluster's range $range. Remove what made that route (a VPN, another cluster), or use another machine."
      fi
    done
  done < <(ip -4 -oneline route show table all)
}
