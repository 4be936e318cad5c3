# Fills the cluster's registry. No image is downloaded: they are made here from Debian's packages and the project's
# pinned Node, and pushed under the public names that Dockerfiles use. The registry's storage is kept in the cache and
# copied into each new cluster, so that what tests push never outlives their cluster. Sourced, never run.

ROOTFS="$CACHE/rootfs-$(hash_of "$SUITE" "$(uname -m)").tar"
# Debian's Python, and what BuildKit needs to be nobody: one more system for both images, because each costs a minute.
TOOLS=python3,python3-pip,uidmap,rootlesskit,libcap2-bin
TOOLS_ROOTFS="$CACHE/rootfs-$(hash_of "$SUITE" "$(uname -m)" "$TOOLS").tar"
# A pattern until the packages are installed, which are not needed to build the binaries.
NODE_PACKAGES=("$ROOT"/node_modules/node-linux-*)
NODE_PACKAGE="${NODE_PACKAGES[0]}"
NODE_TAG=26-bookworm-slim
PYTHON_TAG=3.13-slim-bookworm
BUILDKIT_TAG=v0.33.1-rootless
IMAGES="$CACHE/images-$(hash_of "$HERE/lib/images.sh" "$(hashes_of coredns pause buildkit)" "${ROOTFS##*/}" \
  "${TOOLS_ROOTFS##*/}" "$HERE/lib/platform-images.sh" "$NODE_PACKAGE/package.json" \
  "$ROOT/node_modules/npm/package.json")"

# Puts the images into the registry's storage when they were made before. To be called before the registry starts.
restore_images() {
  mkdir -p "$STATE/registry"
  if [ -d "$IMAGES" ]; then cp -a --reflink=auto "$IMAGES/." "$STATE/registry/"; fi
}

# Makes the images when they are not there yet, and keeps them for the next cluster.
make_images() {
  [ ! -d "$IMAGES" ] || return 0
  [ -d "$NODE_PACKAGE" ] || fail "node_modules holds no Node for this machine: run npm ci first."
  local work="$STATE/images"
  make_rootfs "$ROOTFS" ca-certificates,libatomic1
  make_rootfs "$TOOLS_ROOTFS" "ca-certificates,$TOOLS"
  say "making the images"
  mkdir -p "$work"/{pause,coredns,debian,node,python,buildkit}
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
  make_python_image "$work/python"
  make_buildkit_image "$work/buildkit"
  make_platform_images "$work"

  rm -rf "$IMAGES.partial"
  cp -a --reflink=auto "$STATE/registry" "$IMAGES.partial"
  mv "$IMAGES.partial" "$IMAGES"
  rm -rf "$work"
}

# make_rootfs FILE PACKAGES: Debian's own bootstrap, packed once. libatomic1 is what Node needs on top of the minimal system.
make_rootfs() {
  local file="$1" include="$2"
  [ ! -e "$file" ] || return 0
  say "bootstrapping Debian $SUITE with $include: about a minute"
  local root="$STATE/rootfs" mirror
  # The mirror this machine installs from, when it has that release; else debootstrap's own choice.
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $SUITE" 2>/dev/null | head -n 1)"
  interruptible debootstrap --variant=minbase --include="$include" "$SUITE" "$root" ${mirror:+"$mirror"} \
    >"$LOGS/debootstrap.log" 2>&1 || {
    tail -n 15 "$LOGS/debootstrap.log" >&2
    fail "debootstrap could not make a Debian system; the end of its log is above. It needs a Debian mirror."
  }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -cf "$file.partial" .
  mv "$file.partial" "$file"
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

# Debian's Python under the public image's name and paths; the public one is newer, and has nothing of Debian's in it.
make_python_image() {
  local work="$1"
  ln "$TOOLS_ROOTFS" "$work/rootfs.tar" 2>/dev/null || cp "$TOOLS_ROOTFS" "$work/rootfs.tar"
  cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ADD rootfs.tar /
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && \
    for name in python3 pip pip3; do ln -s "/usr/bin/$name" "/usr/local/bin/$name"; done && \
    ln -s python3 /usr/local/bin/python && python --version && pip --version
CMD ["python3"]
DOCKERFILE
  make_image "$work" "docker.io/library/python:$PYTHON_TAG"
}

# The rootless daemon with the paths and the user of the public image. As root, Debian's setuid newuidmap may not write
# the map of a namespace that user 1000 owns, unless it has CAP_SYS_ADMIN too. With a file capability instead it stays
# user 1000, the owner, and CAP_SETUID is enough; the public image does the same.
make_buildkit_image() {
  local work="$1"
  ln "$TOOLS_ROOTFS" "$work/rootfs.tar" 2>/dev/null || cp "$TOOLS_ROOTFS" "$work/rootfs.tar"
  cp "$BIN/buildkitd" "$BIN/buildctl" "$(command -v runc)" "$work/"
  cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ADD rootfs.tar /
COPY buildkitd buildctl runc /usr/bin/
RUN useradd --uid 1000 --create-home --home-dir /home/user user && \
    for name in uid gid; do \
      echo user:100000:65536 >"/etc/sub$name"; \
      chmod u-s "/usr/bin/new${name}map"; \
      setcap "cap_set$name=ep" "/usr/bin/new${name}map"; \
    done && \
    mkdir -p /run/user/1000 /home/user/.local/tmp /home/user/.local/share/buildkit && \
    chown -R user:user /run/user/1000 /home/user
USER 1000:1000
ENV HOME=/home/user USER=user XDG_RUNTIME_DIR=/run/user/1000 TMPDIR=/home/user/.local/tmp
ENTRYPOINT ["rootlesskit", "buildkitd"]
DOCKERFILE
  make_image "$work" "docker.io/moby/buildkit:$BUILDKIT_TAG" "moby/buildkit:$BUILDKIT_TAG"
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
