# Makes the cluster's certificate authority, certificates and kubeconfigs. P-256 keys: the whole set takes under a
# second. Sourced, never run.

make_pki() (
  mkdir -p "$PKI" "$STATE/kubeconfig"
  cd "$PKI"
  umask 077
  make_key ca
  openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=wherry-testcluster" -out ca.crt
  # The subject is what RBAC and the Node authorizer go by: O is a group, CN a user.
  make_certificate apiserver "/CN=kube-apiserver" serverAuth \
    "IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  make_certificate apiserver-kubelet "/CN=kube-apiserver-kubelet-client" clientAuth
  make_certificate kubelet-server "/CN=$NODE_NAME" serverAuth "IP:$NODE_IP,DNS:$NODE_NAME"
  make_user admin "/O=system:masters/CN=admin"
  make_user controller-manager "/CN=system:kube-controller-manager"
  make_user scheduler "/CN=system:kube-scheduler"
  make_user kubelet "/O=system:nodes/CN=system:node:$NODE_NAME"
  make_user kube-proxy "/CN=system:kube-proxy"
  make_user felix "/CN=calico-node"
  make_user calico-cni "/CN=calico-cni"
  openssl genrsa -out service-accounts.key 2048 2>/dev/null
  openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null
)

make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# make_certificate FILE SUBJECT USAGE [NAMES]
make_certificate() {
  make_key "$1"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -sha256 -out "$1.crt" 2>/dev/null \
      -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s' "$3" "${4:+subjectAltName=$4}")
}

# make_user FILE SUBJECT: a client certificate, and the kubeconfig that holds it.
make_user() {
  make_certificate "$1" "$2" clientAuth
  cat >"$STATE/kubeconfig/$1.conf" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: wherry-testcluster, cluster: {server: "https://$NODE_IP:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: wherry-testcluster, context: {cluster: wherry-testcluster, user: $1}}]
current-context: wherry-testcluster
YAML
}
