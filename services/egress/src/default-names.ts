/**
 * What builds may reach without a word of the operator: public registries of packages and of images, on ports 443 and 80.
 * Names that only serve files of a registry stand behind it. Sources: the registries' own pages on firewalls.
 */
export const defaultNames = [
  // JavaScript, and the headers that native packages are compiled with.
  ...['registry.npmjs.org', 'registry.yarnpkg.com', 'nodejs.org'],
  // Python.
  ...['pypi.org', 'files.pythonhosted.org'],
  // Go: large modules are redirected to the store.
  ...['proxy.golang.org', 'sum.golang.org', 'storage.googleapis.com'],
  // Rust.
  ...['crates.io', 'index.crates.io', 'static.crates.io', 'static.rust-lang.org'],
  // Debian, Ubuntu, Alpine.
  ...['deb.debian.org', 'security.debian.org', 'archive.ubuntu.com', 'security.ubuntu.com', 'ports.ubuntu.com'],
  'dl-cdn.alpinelinux.org',
  // Ruby, Java, .NET, PHP, Elixir.
  ...['rubygems.org', 'index.rubygems.org', 'repo.maven.apache.org', 'repo1.maven.org', 'plugins.gradle.org'],
  ...['services.gradle.org', 'api.nuget.org', 'www.nuget.org', 'repo.packagist.org', 'repo.hex.pm', 'builds.hex.pm'],
  // Docker Hub.
  ...['registry-1.docker.io', 'index.docker.io', 'auth.docker.io'],
  ...['production.cloudflare.docker.com', 'production.cloudfront.docker.com'],
  'docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com',
  // GitHub, Quay, Google, Kubernetes, Amazon, Microsoft.
  ...['ghcr.io', 'pkg-containers.githubusercontent.com', 'quay.io', '*.quay.io', 'gcr.io', '*.gcr.io', '*.pkg.dev'],
  ...['registry.k8s.io', 'public.ecr.aws', 'd5l0dvt14r5h8.cloudfront.net'],
  ...['mcr.microsoft.com', '*.data.mcr.microsoft.com'],
] as const;
