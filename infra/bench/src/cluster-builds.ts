import { createPrivateKey } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '@wherry/harness';
import type { Installation } from '@wherry/harness/cluster';
import { credentialUser, dockerConfig, issueCredential } from '@wherry/registry';

type Daemon = { metadata: { namespace: string; labels: Record<string, string> }; status: { podIP: string } };

/**
 * Raw buildctl for a node function with the template's Dockerfile, in the builders' container, with the daemon that
 * Wherry uses for this tenant.
 */
export class RawBuilds {
  private constructor(
    private readonly wherry: Installation,
    private readonly context: string,
    private readonly daemon: Daemon,
    private readonly tenant: string,
    /** In the builders' container; nobody else has it. */
    private readonly folder: string,
  ) {}

  /** There has to be a build before, for which the daemon was started. */
  static async open(wherry: Installation): Promise<RawBuilds> {
    const context = path.join(wherry.folder, 'raw');
    rmSync(context, { recursive: true, force: true });
    cpSync(path.join(checkout, 'dist/templates/node'), context, { recursive: true });
    // The template's own example.
    rmSync(path.join(context, 'function'), { recursive: true });
    for (const name of ['function', 'packages']) mkdirSync(path.join(context, name), { recursive: true });
    const ours = `wherry.dev/installation=${wherry.release},app.kubernetes.io/name=buildkitd`;
    const [daemon] = await wherry.list<Daemon>('pods', '-A', '-l', ours);
    if (!daemon) throw new Error('The build daemon has gone.');
    const tenant = daemon.metadata.labels['wherry.dev/tenant'] ?? '';
    const folder = (await inKeeper(wherry, 'mktemp', '-d', '/tmp/raw.XXXXXX')).trim();
    const builds = new RawBuilds(wherry, context, daemon, tenant, folder);
    await builds.logIn();
    return builds;
  }

  async close(): Promise<void> {
    await inKeeper(this.wherry, 'rm', '-rf', this.folder);
  }

  /** The milliseconds until it is pushed, with provenance and a credential, to the chart's registry. */
  build(handler: string): Promise<number> {
    const name = `${registry}/${this.tenant}/trusted/raw:raw`;
    return this.run(handler, '--opt attest:provenance=mode=max', name);
  }

  /** The same without provenance, and to the test cluster's registry, which asks nobody. */
  buildLess(handler: string): Promise<number> {
    return this.run(handler, '', `${this.wherry.cluster.registry}/raw/hello`);
  }

  private async run(handler: string, options: string, name: string): Promise<number> {
    writeFileSync(path.join(this.context, 'function/handler.js'), handler);
    const { wherry, folder } = this;
    const files = `${folder}/context`;
    await inKeeper(wherry, 'rm', '-rf', files);
    await this.copy(this.context, files);
    const { metadata, status } = this.daemon;
    const build = [
      ...['buildctl', '--addr', `tcp://${status.podIP}:1234`, '--tlsservername', `buildkitd.${metadata.namespace}`],
      ...['--tlscacert', 'ca.crt', '--tlscert', 'tls.crt', '--tlskey', 'tls.key', 'build'],
      ...['--frontend', 'dockerfile.v0', '--local', `context=${files}`, '--local', `dockerfile=${files}`],
      ...[options, '--output', `type=image,name=${name},push=true`],
    ].join(' ');
    const log = `${folder}/build.log`;
    const script = `cd /etc/wherry/build; export DOCKER_CONFIG=${folder}; start=$(date +%s%N); ${build} >${log} 2>&1 || { cat ${log}; exit 1; }; echo $(( ($(date +%s%N) - start) / 1000 ))`;
    return Number(await inKeeper(wherry, 'sh', '-c', script)) / 1000;
  }

  /** A credential as the worker gives one to each build. */
  private async logIn(): Promise<void> {
    const { wherry, tenant } = this;
    const name = ['--field-selector', `metadata.name=${wherry.release}-registry-worker`];
    const [secret] = await wherry.list<{ data: Record<string, string> }>('secrets', '-n', wherry.namespace, ...name);
    const [key = ''] = Object.values(secret?.data ?? {});
    const grants = [{ below: `${tenant}/trusted`, actions: ['pull', 'push'] as const }];
    const order = { issuer: 'worker', service, grants, lifetimeSeconds: 3_600 } as const;
    const password = await issueCredential(order, createPrivateKey(Buffer.from(key, 'base64')), Date.now() / 1_000);
    const file = path.join(wherry.folder, 'config.json');
    writeFileSync(file, dockerConfig(registry, { user: credentialUser, password }), { mode: 0o600 });
    await this.copy(file, `${this.folder}/config.json`);
  }

  private copy(from: string, to: string): Promise<string> {
    const { namespace } = this.wherry;
    return this.wherry.kubectl('cp', from, `${namespace}/${podOf(this.wherry)}:${to}`, '-c', 'keeper');
  }
}

function inKeeper(wherry: Installation, ...command: string[]): Promise<string> {
  return wherry.kubectl('exec', podOf(wherry), '-c', 'keeper', '-n', wherry.namespace, '--', ...command);
}

const podOf = (wherry: Installation) => `${wherry.release}-worker-0`;

/** Of the chart's registry, where the installation of the tests has it. */
const registry = '10.96.0.50:5000';
const service = 'wherry-registry';
