# Images that the images of Wherry's own processes are made from, where build steps have no network: Node with git, and
# the registry's server. Debian's packages stand in for the public images. Sourced, never run.

PLATFORM_PACKAGES=ca-certificates,libatomic1,git,docker-registry
PLATFORM_ROOTFS="$CACHE/rootfs-$(hash_of "$SUITE" "$(uname -m)" "$PLATFORM_PACKAGES").tar"

# make_platform_images FOLDER: to be called after make_node_image, whose root/ is used again.
make_platform_images() {
  local work="$1/platform"
  mkdir -p "$work/registry" "$work/git"
  make_rootfs "$PLATFORM_ROOTFS" "$PLATFORM_PACKAGES"
  tar -C "$work/registry" --strip-components=3 -xf "$PLATFORM_ROOTFS" ./usr/bin/docker-registry
  printf 'FROM debian:bookworm-slim\nCOPY docker-registry /bin/registry\n' >"$work/registry/Dockerfile"
  make_image "$work/registry" docker.io/library/registry:2.8.3

  ln "$PLATFORM_ROOTFS" "$work/git/rootfs.tar" 2>/dev/null || cp "$PLATFORM_ROOTFS" "$work/git/rootfs.tar"
  cp -a --link "$1/node/root" "$work/git/root"
  printf 'FROM scratch\nADD rootfs.tar /\nCOPY root/ /\nRUN git --version && node --version\nCMD ["node"]\n' \
    >"$work/git/Dockerfile"
  make_image "$work/git" node-git:26-bookworm
}
