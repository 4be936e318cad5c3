# Starts the cluster, part by part. Sourced, never run.

# The machine — the node — the outside.
make_network() {
  ip link add "$LINK" type veth peer name wherry-peer
  ip link set "$LINK" alias "$STATE"
  ip netns add "$NODE_NS"
  ip netns add "$OUTSIDE_NS"
  ip link set wherry-peer netns "$NODE_NS" name eth0
  ip addr add "$HOST_IP/24" dev "$LINK"
  ip link set "$LINK" up
  in_node ip link set lo up
  in_node ip addr add "$NODE_IP/24" dev eth0
  in_node ip link set eth0 up
  # Pods and Services can be reached from the machine, through the node.
  ip route add "$POD_CIDR" via "$NODE_IP"
  ip route add "$SERVICE_CIDR" via "$NODE_IP"
  in_node sysctl -qw net.ipv4.ip_forward=1
  # A Service without endpoints refuses by ICMP, of which Linux sends a caller six in a row and then one a second; the
  # caller's next attempt would hang for a second instead.
  in_node sysctl -qw net.ipv4.icmp_ratelimit=0

  in_node ip link add outside type veth peer name eth0 netns "$OUTSIDE_NS"
  in_node ip addr add "$OUTSIDE_GATEWAY/30" dev outside
  in_node ip link set outside up
  in_outside ip link set lo up
  in_outside ip addr add "$OUTSIDE_PEER/30" dev eth0
  in_outside ip link set eth0 up
  in_outside ip route add default via "$OUTSIDE_GATEWAY"
  in_outside sysctl -qw net.ipv4.ip_forward=0
  in_outside ip addr add "$OUTSIDE_IP/32" dev lo
  in_outside ip addr add "$METADATA_IP/32" dev lo
  # The default route ends in the outside's namespace, so nothing gets out to a real network. There has to be one: a
  # pod's gateway is 169.254.1.1, which the node answers for by proxy ARP, and Linux does that only for an address that
  # it has a route to. The node's own connections to a ClusterIP need a route too, before kube-proxy's rules see them.
  in_node ip route add default via "$OUTSIDE_PEER"
}

# etcd and everything else that listens on 127.0.0.1 does so inside the node.
start_etcd() {
  start etcd etcd --name node --data-dir "$STATE/etcd" \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster node=http://127.0.0.1:2380
}

start_registry() {
  cat >"$STATE/registry.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $STATE/registry}, delete: {enabled: true}}
http: {addr: "0.0.0.0:5000"}
YAML
  start registry docker-registry serve "$STATE/registry.yml"
}

# docker.io is answered by the folder docker.io/ of the cluster's registry, for pods as for builds, so that an unchanged
# "FROM node:26-bookworm-slim" or "image: node:26-bookworm-slim" works without the internet.
start_containerd() {
  local folder="$STATE/containerd"
  local host
  mkdir -p "$folder/certs.d/docker.io" "$STATE/cni/bin" "$STATE/cni/net.d"
  for host in "$REGISTRY" "$BUNDLED_REGISTRY"; do
    mkdir -p "$folder/certs.d/$host"
    cat >"$folder/certs.d/$host/hosts.toml" <<TOML
server = "http://$host"
[host."http://$host"]
  capabilities = ["pull", "resolve"]
TOML
  done
  cat >"$folder/certs.d/docker.io/hosts.toml" <<TOML
server = "http://$REGISTRY"
[host."http://$REGISTRY/v2/docker.io"]
  capabilities = ["pull", "resolve"]
  override_path = true
TOML
  cat >"$folder/config.toml" <<TOML
version = 2
root = "$folder/root"
state = "$folder/state"
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.internal.v1.opt"]
  path = "$folder/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$REGISTRY/pause:1"
  max_concurrent_downloads = 8
  # Where root lacks CAP_SYS_RESOURCE, runc dies on a score below its own ("can't get final child's PID from pipe:
  # EOF"): a sandbox asks for -998.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$STATE/cni/bin"
    conf_dir = "$STATE/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$folder/certs.d"
TOML
  # Calico's plugin makes the cali* interfaces that Felix polices; addresses come from host-local, out of the Node's
  # podCIDR.
  ln -sf /usr/lib/cni/* "$STATE/cni/bin/"
  ln -sf "$BIN/calico" "$STATE/cni/bin/calico"
  cat >"$STATE/cni/net.d/10-calico.conflist" <<JSON
{ "name": "pods", "cniVersion": "0.3.1", "plugins": [
  { "type": "calico", "datastore_type": "kubernetes", "nodename": "$NODE_NAME", "nodename_file_optional": true,
    "mtu": 1500, "log_level": "warning", "log_file_path": "$LOGS/cni.log",
    "ipam": { "type": "host-local", "subnet": "usePodCidr", "dataDir": "$STATE/cni/ipam" },
    "policy": { "type": "k8s" }, "kubernetes": { "kubeconfig": "$STATE/kubeconfig/calico-cni.conf" } },
  { "type": "portmap", "capabilities": {"portMappings": true}, "snat": true } ] }
JSON
  start containerd containerd --config "$folder/config.toml"
}

# A RUN step of this daemon gets a network namespace with loopback only, whatever the client asks for: buildkitd has no
# network mode called "none", so it is a CNI network with nothing but the loopback plugin.
start_buildkit() {
  mkdir -p "$STATE/buildkit"
  echo '{ "name": "build", "cniVersion": "0.4.0", "plugins": [ { "type": "loopback" } ] }' >"$STATE/buildkit/cni.conflist"
  cat >"$STATE/buildkit/buildkitd.toml" <<TOML
root = "$STATE/buildkit/root"
[grpc]
  address = [ "$BUILDKIT_ADDRESS" ]
[worker.oci]
  enabled = true
  snapshotter = "overlayfs"
  networkMode = "cni"
  cniBinaryPath = "/usr/lib/cni"
  cniConfigPath = "$STATE/buildkit/cni.conflist"
[worker.containerd]
  enabled = false
[registry."$REGISTRY"]
  http = true
[registry."$BUNDLED_REGISTRY"]
  http = true
[registry."docker.io"]
  mirrors = ["$REGISTRY/docker.io"]
TOML
  start buildkitd "$BIN/buildkitd" --config "$STATE/buildkit/buildkitd.toml"
}

start_control_plane() {
  wait_for 20 etcd etcd in_node curl -fsS http://127.0.0.1:2379/health
  # The default plugins already hold PodSecurity, ResourceQuota, LimitRanger and ValidatingAdmissionPolicy.
  start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address="$NODE_IP" --bind-address=0.0.0.0 --secure-port=6443 \
    --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
    --anonymous-auth=false --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$PKI/apiserver-kubelet.crt" --kubelet-client-key="$PKI/apiserver-kubelet.key" \
    --service-cluster-ip-range="$SERVICE_CIDR" --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$PKI/service-accounts.pub" --service-account-signing-key-file="$PKI/service-accounts.key" \
    --allow-privileged=true --profiling=false
  wait_for 60 "The API server" apiserver "$BIN/kubectl" get --raw /readyz
  start controller-manager "$BIN/kube-controller-manager" --kubeconfig="$STATE/kubeconfig/controller-manager.conf" \
    --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
    --root-ca-file="$PKI/ca.crt" --service-account-private-key-file="$PKI/service-accounts.key" \
    --allocate-node-cidrs=true --cluster-cidr="$POD_CIDR" --service-cluster-ip-range="$SERVICE_CIDR" \
    --kube-api-qps=200 --kube-api-burst=400 # By its own default, hundreds of new Deployments take it half a minute.
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$STATE/kubeconfig/scheduler.conf" \
    --bind-address=127.0.0.1 --leader-elect=false
}

start_kubelet() {
  echo "nameserver $DNS_IP" >"$STATE/resolv.conf"
  cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$DNS_IP]
resolvConf: $STATE/resolv.conf
podLogsDir: $STATE/pod-logs
volumePluginDir: $STATE/kubelet/volumeplugins
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
YAML
  start kubelet "$BIN/kubelet" --config="$STATE/kubelet.yaml" --kubeconfig="$STATE/kubeconfig/kubelet.conf" \
    --root-dir="$STATE/kubelet" --cert-dir="$STATE/kubelet/pki" --hostname-override="$NODE_NAME" --node-ip="$NODE_IP"
}

start_kube_proxy() {
  cat >"$STATE/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $STATE/kubeconfig/kube-proxy.conf}
hostnameOverride: $NODE_NAME
clusterCIDR: $POD_CIDR
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
# The conntrack table's size is the machine's, not the namespace's: leave it alone.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
# The default is 1s: for that long a Service may still refuse after its pod is Ready.
nftables: {minSyncPeriod: 100ms}
YAML
  start kube-proxy "$BIN/kube-proxy" --config="$STATE/kube-proxy.yaml"
}

# Felix enforces NetworkPolicy. A pod may reach its node unless a policy says otherwise (Felix's default drops that),
# and Felix and the CNI plugin both hold back until ClusterInformation says that the store is ready.
start_felix() {
  "$BIN/kubectl" apply --server-side -f "$BIN/calico-crds.yaml" -f "$HERE/manifests/calico.yaml" >/dev/null
  wait_for 30 "Calico's resources" apiserver "$BIN/kubectl" apply -f "$HERE/manifests/calico-ready.yaml"
  start felix env KUBECONFIG="$STATE/kubeconfig/felix.conf" DATASTORE_TYPE=kubernetes \
    FELIX_DATASTORETYPE=kubernetes FELIX_FELIXHOSTNAME="$NODE_NAME" FELIX_IPTABLESBACKEND=NFT \
    FELIX_IPV6SUPPORT=false FELIX_BPFENABLED=false FELIX_XDPENABLED=false FELIX_IPINIPENABLED=false \
    FELIX_VXLANENABLED=false FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT FELIX_USAGEREPORTINGENABLED=false \
    FELIX_AWSSRCDSTCHECK=DoNothing FELIX_LOGSEVERITYSCREEN=Warning FELIX_LOGFILEPATH=none \
    FELIX_LOGSEVERITYFILE=none FELIX_LOGSEVERITYSYS=none FELIX_HEALTHENABLED=true FELIX_HEALTHHOST=127.0.0.1 \
    FELIX_PROMETHEUSMETRICSENABLED=false "$BIN/calico-felix" --config-file="$STATE/felix.cfg"
}

start_dns() {
  sed "s|\${REGISTRY}|$REGISTRY|; s|\${DNS_IP}|$DNS_IP|" "$HERE/manifests/coredns.yaml" |
    "$BIN/kubectl" apply -f - >/dev/null
  wait_for 60 "The cluster's DNS" kubelet "$BIN/kubectl" -n kube-system rollout status deployment/coredns --timeout=2s
}

bring_up() {
  mkdir -p "$STATE"
  chmod 711 "$STATE"
  touch "$MARKER"
  mkdir -p "$LOGS" "$PIDS"
  # Which of the shared folders were there before is what `down` needs to know to leave none behind.
  ls -d /run/containerd /var/lib/cni /var/lib/kubelet /var/lib/calico /var/log/containers 2>/dev/null >"$STATE/folders-before" || true
  make_network
  make_pki
  restore_images
  say "network, certificates and images are there"
  start_etcd
  start_registry
  start_containerd
  start_buildkit
  start_control_plane
  say "the API server is ready"
  wait_for 30 "The registry" registry curl -fsS "http://$REGISTRY/v2/"
  make_images
  start_kubelet
  start_kube_proxy
  start_felix
  wait_for 60 "The node" kubelet "$BIN/kubectl" wait --for=condition=Ready "node/$NODE_NAME" --timeout=1s
  wait_for 60 Felix felix in_node curl -fsS http://127.0.0.1:9099/readiness
  say "the node is ready and policies are enforced"
  start_dns
  touch "$STATE/ready"
}
