# Builds the cluster's binaries from Go modules, once for each state of src/. Sourced, never run.

BIN="$CACHE/bin-$(hash_of "$HERE/src" "$HERE/lib/build.sh" "$KUBERNETES_VERSION" "$(uname -m)")"

build_binaries() {
  [ ! -d "$BIN" ] || return 0
  command -v go >/dev/null || fail "Go 1.26 is needed to build the cluster's binaries, once: see https://go.dev/dl/."
  say "building Kubernetes, Calico, CoreDNS and BuildKit: about 15 minutes on two cores the first time"
  # Built beside its final name and renamed at the end: a build that was stopped is never taken for a whole one.
  local out="$BIN.partial" version=k8s.io/component-base/version name crds
  rm -rf "$out"
  mkdir -p "$out"
  # Go may write to go.mod and go.sum, which are part of the hash: it gets a copy.
  cp -r "$HERE/src" "$out/src"
  # One binary for all of Kubernetes; which part it is goes by the name it is called by. Without its version the API
  # server calls itself v0.0.0 and clients refuse it.
  local flags="-s -w -X $version.gitVersion=v$KUBERNETES_VERSION -X $version.gitMajor=1 -X $version.gitMinor=34"
  go_build kubernetes "$out/kubernetes" . -tags providerless -ldflags "$flags"
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do ln -s kubernetes "$out/$name"; done
  go_build kubernetes "$out/kubectl" k8s.io/kubernetes/cmd/kubectl -ldflags "$flags"
  go_build coredns "$out/coredns" . -ldflags '-s -w'
  go_build pause "$out/pause" . -ldflags '-s -w'
  # Without cgo Felix's eBPF data plane is stubs; the iptables one is complete.
  go_build calico "$out/calico-felix" github.com/projectcalico/calico/felix/cmd/calico-felix -mod=mod -ldflags '-s -w'
  go_build calico "$out/calico" github.com/projectcalico/calico/cni-plugin/cmd/calico -mod=mod -ldflags '-s -w'
  go_build buildkit "$out/buildkitd" github.com/moby/buildkit/cmd/buildkitd -ldflags '-s -w'
  go_build buildkit "$out/buildctl" github.com/moby/buildkit/cmd/buildctl -ldflags '-s -w'
  crds="$(cd "$out/src/calico" && go list -mod=mod -m -f '{{.Dir}}' github.com/projectcalico/calico)/manifests/crds.yaml"
  install -m 644 "$crds" "$out/calico-crds.yaml"
  rm -rf "$out/src"
  mv "$out" "$BIN"
}

# go_build FOLDER-OF-SRC OUTPUT PACKAGE FLAGS…
go_build() {
  local folder="$BIN.partial/src/$1" output="$2" package="$3"
  shift 3
  interruptible env -C "$folder" CGO_ENABLED=0 go build -trimpath -buildvcs=false "$@" -o "$output" "$package" ||
    fail "$(basename "$output") could not be built; Go's own message is above. The build goes on from where it was at the next try."
  say "built $(basename "$output") ($(du -h "$output" | cut -f1))"
}
