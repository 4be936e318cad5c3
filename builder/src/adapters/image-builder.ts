import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildKitOrder, BuildOrder } from '@wherry/contract';
import { dockerConfig, RegistryClient } from '@wherry/registry';
import type { ArtifactBuilder, FunctionJob } from '../artifact-builder';
import { BuildFailure } from '../build-failure';
import { BuildProgress } from '../build-progress';
import { buildctlArguments, shellVariables, type ImageOrder } from '../buildctl-arguments';
import { dockerfileLanguage } from '../dockerfile-language';
import { asSilentRegistry, explainImageFailure } from '../explain-image-failure';
import { platformOf, repositoryOf } from '../image-names';
import { sourceDateEpoch } from '../install-command';
import { authenticationOf, loginOf } from '../registry-login';
import { handlerPieces, inContext, readDependencyPlan } from './function-files';
import { runBuildctl } from './run-buildctl';
import { trustedCertificates } from './trusted-certificates';
import { writeTree, type Piece } from './tree-files';

/** What the Dockerfiles of templates read variables from: the id of a secret. */
const environmentSecret = 'build-environment';
const certificatesSecret = 'build-certificates';
/** BuildKit's own limit, in bytes. */
const largestSecret = 500_000;
/** The folder of a template's context with all that its installing step may see. */
const packagesFolder = 'packages';

type Tools = Readonly<{ order: BuildOrder; buildkit: BuildKitOrder; signal: AbortSignal }>;

/**
 * Makes functions into images by the tenant's own BuildKit daemon, which does all that runs foreign code. What is sent
 * there is a folder of files; what comes back is output, and an image in the registry.
 */
export class ImageBuilder implements ArtifactBuilder {
  private readonly registry: RegistryClient;
  private readonly platform = platformOf(process.arch);

  constructor(private readonly tools: Tools) {
    const { registry } = tools.buildkit;
    const registryUrl = `${registry.plainHttp ? 'http' : 'https'}://${registry.host}`;
    this.registry = new RegistryClient({ registryUrl, authentication: authenticationOf(registry) });
  }

  async toolchain(lang: string): Promise<string[]> {
    const tools = [lang, 'image', this.platform];
    if (lang === dockerfileLanguage) return tools;
    const dockerfile = await readFile(join(this.tools.order.paths.templates, lang, 'Dockerfile'));
    return [...tools, createHash('sha256').update(dockerfile).digest('hex')];
  }

  async has(functionName: string, artifactDigest: string): Promise<boolean> {
    const repository = repositoryOf(this.tools.buildkit.registry, functionName);
    return (await this.manifest(repository, artifactDigest)) !== null;
  }

  private async manifest(repository: string, reference: string): ReturnType<RegistryClient['manifest']> {
    try {
      return await this.registry.manifest(repository, reference);
    } catch (error) {
      throw asSilentRegistry(error) ?? error;
    }
  }

  async build(job: FunctionJob): Promise<string> {
    const { order, buildkit, signal } = this.tools;
    const { registry } = buildkit;
    // A builder that was killed may have been here before.
    await rm(job.work, { recursive: true, force: true });
    await mkdir(job.work, { recursive: true });
    const isOwnDockerfile = job.planned.config.lang === dockerfileLanguage;
    const image = isOwnDockerfile ? await this.ownDockerfile(job) : await this.templateDockerfile(job);
    const config = join(job.work, 'docker');
    await mkdir(config, { mode: 0o700 });
    await writeFile(join(config, 'config.json'), dockerConfig(registry.host, loginOf(registry)), { mode: 0o600 });
    const progress = new BuildProgress(job.output);
    // Nothing of the machine's own: neither its proxies nor its user's credentials are a tenant's.
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: job.work, DOCKER_CONFIG: config };
    // Nothing is there yet, but its connection and token are when the image is.
    this.registry.manifest(repositoryOf(registry, job.planned.name), order.deploymentId).catch(() => undefined);
    const isBuilt = await runBuildctl(buildkit.buildctl, buildctlArguments(buildkit, image), {
      ...{ env, cwd: job.work, signal },
      onLine: (line) => progress.push(line),
    });
    progress.flush();
    if (!isBuilt) {
      const text = [...progress.errors, progress.rest].join('\n');
      throw new BuildFailure(explainImageFailure(text, registry, order.limits));
    }
    return this.pushed(job.planned.name);
  }

  /** The digest of the image that was pushed, after a look at what it is. */
  private async pushed(functionName: string): Promise<string> {
    const { order, buildkit } = this.tools;
    const repository = repositoryOf(buildkit.registry, functionName);
    const index = await this.manifest(repository, order.deploymentId);
    const [image] = index?.images ?? [];
    if (!image) throw new Error(`The registry has no index of images for ${repository}:${order.deploymentId}.`);
    if (image.platform !== this.platform) {
      throw new BuildFailure(
        `The image is for ${image.platform}, and functions run on ${this.platform}. Remove --platform from the last FROM.`,
      );
    }
    const manifest = await this.manifest(repository, image.digest);
    const mib = Math.ceil((manifest?.layerBytes ?? 0) / 2 ** 20);
    const { artifactMiB } = order.limits;
    if (mib > artifactMiB) {
      throw new BuildFailure(
        `The image has ${mib} MiB, packed and with its base; at most ${artifactMiB} MiB are allowed. Take a smaller base, or copy less into the last stage.`,
      );
    }
    return image.digest;
  }

  /** The folder as it was committed: build arguments are Docker's own, and so are secrets. */
  private async ownDockerfile(job: FunctionJob): Promise<ImageOrder> {
    const context = join(job.work, 'context');
    await writeTree(context, handlerPieces(job), { owner: null, isDurable: false, timesByContent: true });
    const { buildArgs, buildSecrets } = job.planned;
    const files = certificateFiles();
    for (const [index, [id, value]] of Object.entries(buildSecrets).entries()) {
      files[id] = await secretFile(job, `secret-${index}`, value);
    }
    return { ...this.imageOf(job, context), hasCache: true, buildArgs, secretFiles: files };
  }

  /** The template's files and Dockerfile, and the handler twice: what decides its packages, and all of it. */
  private async templateDockerfile(job: FunctionJob): Promise<ImageOrder> {
    const { order } = this.tools;
    const context = join(job.work, 'context');
    const { folder, entries } = job.template;
    const template = entries.map((entry): Piece => ({ entry, from: join(folder, entry.path), how: 'copy' }));
    const { pieces: own, hasPackages } = await packagePieces(job);
    const pieces = [...template, ...own];
    await writeTree(context, pieces, { owner: null, isDurable: false, timesByContent: true });
    for (const name of [packagesFolder, job.template.manifest.handler_folder])
      await mkdir(join(context, name), { recursive: true });
    await writeFile(join(context, 'Dockerfile'), await readFile(join(folder, 'Dockerfile')));
    const { buildArgs, buildSecrets } = job.planned;
    const certificates = certificateFiles();
    const settings = installSettings(order, certificatesSecret in certificates);
    const variables = shellVariables({ ...settings, ...buildArgs, ...buildSecrets });
    const hash = createHash('sha256').update(shellVariables(buildArgs)).digest('hex');
    return {
      ...this.imageOf(job, context),
      hasCache: hasPackages,
      // Not the arguments themselves, which would be recorded; but others must not find steps that ran with these.
      buildArgs: Object.keys(buildArgs).length === 0 ? {} : { BUILD_ARGUMENTS: hash },
      secretFiles: { ...certificates, [environmentSecret]: await secretFile(job, 'environment', variables) },
    };
  }

  private imageOf(job: FunctionJob, context: string): Omit<ImageOrder, 'hasCache' | 'buildArgs' | 'secretFiles'> {
    const { name: functionName } = job.planned;
    return { functionName, tag: this.tools.order.deploymentId, context, platform: this.platform };
  }
}

/** Installed packages of its own are replaced by those that are installed now. */
async function packagePieces(job: FunctionJob): Promise<{ pieces: Piece[]; hasPackages: boolean }> {
  const plan = await readDependencyPlan(job);
  const { dependencies } = job.template.manifest.wherry;
  if (plan === null || dependencies.kind === 'none') return { pieces: handlerPieces(job), hasPackages: false };
  const { manifest, lockfile, target } = dependencies;
  const names = new Set([manifest, lockfile, '.npmrc']);
  const isOwn = ({ path }: { path: string }) => !`${inContext(job, path)}/`.startsWith(`${target}/`);
  const decides = ({ path }: { path: string }) => plan.inputs === null || names.has(path);
  const handler = handlerPieces(job, (entry) => !plan.hasPackages || isOwn(entry));
  const packages = handlerPieces(job, (entry) => isOwn(entry) && decides(entry)).map((piece) => ({
    ...piece,
    entry: { ...piece.entry, path: `${packagesFolder}/${piece.entry.path.slice(inContext(job, '').length)}` },
  }));
  return { pieces: [...handler, ...packages], hasPackages: plan.hasPackages };
}

/** Variables for npm and pip: settings of the operator, which belong to no image. */
function installSettings({ registries }: BuildOrder, hasCertificates: boolean): Record<string, string> {
  const file = `/run/${certificatesSecret}`;
  const certificates = { npm_config_cafile: file, NODE_EXTRA_CA_CERTS: file, PIP_CERT: file };
  return {
    ...(hasCertificates && certificates),
    CI: 'true',
    NO_COLOR: '1',
    npm_config_registry: registries.npm,
    // Lockfiles name the registry they were made with; the operator's is the one that is reachable.
    npm_config_replace_registry_host: 'always',
    npm_config_update_notifier: 'false',
    PIP_INDEX_URL: registries.pypi,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
  };
}

/** The certificates that the builder itself trusts: the operator's own are among them. No secret, but in no image either. */
function certificateFiles(): Record<string, string> {
  const file = trustedCertificates();
  return file !== null && statSync(file).size <= largestSecret ? { [certificatesSecret]: file } : {};
}

async function secretFile(job: FunctionJob, name: string, text: string): Promise<string> {
  const folder = join(job.work, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
