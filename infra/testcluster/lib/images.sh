# Fills the cluster's registry. No image is downloaded: they are made here from Debian's packages and the project's
# pinned Node, and pushed under the public names that Dockerfiles use. The registry's storage is kept in the cache and
# copied into each new cluster, so that what tests push never outlives their cluster. Sourced, never run.

ROOTFS="$CACHE/rootfs-$(hash_of "$SUITE" "$(uname -m)").tar"
NODE_PACKAGE="$(find "$ROOT"/node_modules -maxdepth 1 -name 'node-linux-*' 2>/dev/null | head -n 1)"
NODE_TAG=26-bookworm-slim
IMAGES="$CACHE/images-$(hash_of "$HERE/lib/images.sh" "${BIN##*/}" "${ROOTFS##*/}" \
  "$NODE_PACKAGE/package.json" "$ROOT/node_modules/npm/package.json")"

# Puts the images into the registry's storage when they were made before. To be called before the registry starts.
restore_images() {
  mkdir -p "$STATE/registry"
  if [ -d "$IMAGES" ]; then cp -a --reflink=auto "$IMAGES/." "$STATE/registry/"; fi
}

# Makes the images when they are not there yet, and keeps them for the next cluster.
make_images() {
  [ ! -d "$IMAGES" ] || return 0
  [ -n "$NODE_PACKAGE" ] || fail "node_modules holds no Node for this machine: run npm ci first."
  local work="$STATE/images"
  make_rootfs
  say "making the images"
  mkdir -p "$work"/{pause,coredns,debian,node}
  wait_for 30 BuildKit buildkitd "$BIN/buildctl" --addr "$BUILDKIT_ADDRESS" debug workers

  cp "$BIN/pause" "$work/pause/"
  printf 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n' >"$work/pause/Dockerfile"
  make_image "$work/pause" pause:1

  cp "$BIN/coredns" "$work/coredns/"
  printf 'FROM scratch\nCOPY coredns /coredns\nUSER 65532:65532\nENTRYPOINT ["/coredns"]\n' >"$work/coredns/Dockerfile"
  make_image "$work/coredns" coredns:1

  ln "$ROOTFS" "$work/debian/rootfs.tar" 2>/dev/null || cp "$ROOTFS" "$work/debian/rootfs.tar"
  printf 'FROM scratch\nADD rootfs.tar /\nCMD ["/bin/bash"]\n' >"$work/debian/Dockerfile"
  make_image "$work/debian" docker.io/library/debian:bookworm-slim debian:bookworm-slim

  make_node_image "$work/node"

  rm -rf "$IMAGES.partial"
  cp -a --reflink=auto "$STATE/registry" "$IMAGES.partial"
  mv "$IMAGES.partial" "$IMAGES"
  rm -rf "$work"
}

# Debian's own bootstrap, packed once. libatomic1 is what Node needs on top of the minimal system.
make_rootfs() {
  [ ! -e "$ROOTFS" ] || return 0
  say "bootstrapping Debian $SUITE: about a minute"
  local root="$STATE/rootfs" mirror
  # The mirror this machine installs from, when it has that release; else debootstrap's own choice.
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $SUITE" 2>/dev/null | head -n 1)"
  interruptible debootstrap --variant=minbase --include=ca-certificates,libatomic1 "$SUITE" "$root" ${mirror:+"$mirror"} \
    >"$LOGS/debootstrap.log" 2>&1 || {
    tail -n 15 "$LOGS/debootstrap.log" >&2
    fail "debootstrap could not make a Debian system; the end of its log is above. It needs a Debian mirror."
  }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -cf "$ROOTFS.partial" .
  mv "$ROOTFS.partial" "$ROOTFS"
  rm -rf --one-file-system "$root"
}

# The project's own Node and npm on Debian, laid out as the public image is.
make_node_image() {
  local work="$1"
  mkdir -p "$work/root/usr/local/bin" "$work/root/usr/local/lib/node_modules"
  cp "$NODE_PACKAGE/bin/node" "$work/root/usr/local/bin/node"
  ln -s node "$work/root/usr/local/bin/nodejs"
  cp -r "$ROOT/node_modules/npm" "$work/root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/root/usr/local/bin/npx"
  cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM debian:bookworm-slim
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY root/ /
RUN node --version && npm --version
CMD ["node"]
DOCKERFILE
  make_image "$work" "docker.io/library/node:$NODE_TAG" "node:$NODE_TAG"
}

# make_image FOLDER NAME…: builds the folder's Dockerfile and pushes it to the cluster's registry under every name.
make_image() {
  local folder="$1" name names=''
  shift
  for name in "$@"; do names+="$REGISTRY/$name,"; done
  interruptible "$BIN/buildctl" --addr "$BUILDKIT_ADDRESS" build --progress=plain --frontend dockerfile.v0 \
    --local context="$folder" --local dockerfile="$folder" \
    --output "type=image,push=true,\"name=${names%,}\"" >"$LOGS/image.log" 2>&1 || {
    tail -n 15 "$LOGS/image.log" >&2
    fail "The image $1 could not be made; the end of BuildKit's log is above."
  }
}
