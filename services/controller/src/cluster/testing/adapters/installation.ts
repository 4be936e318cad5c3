import 'reflect-metadata';
import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import * as x509 from '@peculiar/x509';
import { admissionPolicies, controllerRoles, type Manifest } from '@wherry/cluster';
import { RawCluster } from '@wherry/cluster/testing';
import type { KeyPair } from '@wherry/sealing';
import { build } from 'esbuild';

export type TestCluster = Readonly<{ kubeconfig: string; registry: string }>;

/** What the chart makes for the controller, and controllers as processes with no rights but those that it gives. */
export class Installation {
  readonly prefix = `ct${randomBytes(3).toString('hex')}`;
  readonly platform = `${this.prefix}-platform`;
  readonly account = `${this.prefix}-controller`;
  readonly raw: RawCluster;
  readonly output: string[] = [];
  readonly children: ChildProcess[] = [];
  private home = '';
  private bundle = '';
  private images = { daemon: '', probe: '' };

  private constructor(private readonly cluster: TestCluster) {
    this.raw = new RawCluster(cluster.kubeconfig);
  }

  /** @param key that the database's secrets are sealed to. */
  static async make(cluster: TestCluster, databaseUrl: string, key: KeyPair): Promise<Installation> {
    const made = new Installation(cluster);
    made.home = await mkdtemp(path.join(tmpdir(), 'wherry-cluster-'));
    const { registry } = cluster;
    made.images = {
      daemon: `${registry}/moby/buildkit@${await digestOf(registry, 'moby/buildkit', 'v0.33.1-rootless')}`,
      probe: `${registry}/node@${await digestOf(registry, 'node', '26-bookworm-slim')}`,
    };
    try {
      await made.raw.apply(...made.objects());
      await made.writeFiles(databaseUrl, key);
      made.bundle = path.join(import.meta.dirname, `../../../../../../node_modules/.cache/${made.prefix}.mjs`);
      await build({
        ...{ entryPoints: [path.join(import.meta.dirname, '../../../main.ts')], outfile: made.bundle, bundle: true },
        ...{ format: 'esm', platform: 'node', packages: 'external', logLevel: 'error' },
        tsconfig: path.join(import.meta.dirname, '../../../../../../tsconfig.base.json'),
      });
    } catch (error) {
      await made.close();
      throw error;
    }
    return made;
  }

  /** A controller that is ready: it leads, or waits until it does. */
  async controller(id: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [this.bundle], {
      env: this.environment(id),
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => this.output.push(text));
    this.children.push(child);
    await once(child, 'message');
    return child;
  }

  async close(): Promise<void> {
    for (const child of this.children) if (child.exitCode === null) child.kill('SIGKILL');
    await this.raw.remove(...this.objects().reverse());
    const { object } = await this.raw.send(
      'GET',
      `/api/v1/namespaces?labelSelector=wherry.dev/installation=${this.prefix}`,
    );
    for (const { metadata } of object.items as Manifest[]) {
      await this.raw.remove({ apiVersion: 'v1', kind: 'Namespace', metadata });
    }
    await rm(this.home, { recursive: true, force: true });
    await rm(this.bundle, { force: true });
  }

  private objects(): Manifest[] {
    const { prefix, platform: platformNamespace, account: controllerServiceAccount } = this;
    const common = { release: prefix, platformNamespace, controllerServiceAccount, leases: [`${prefix}-controller`] };
    return [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: platformNamespace } },
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: controllerServiceAccount, namespace: platformNamespace },
      },
      ...controllerRoles({ ...common, namespaceClusterRole: `${prefix}-namespace` }),
      ...admissionPolicies({
        ...{ ...common, prefix, registry: this.cluster.registry },
        ...{ daemonImage: this.images.daemon, probeImage: this.images.probe },
      }),
    ];
  }

  private environment(id: string): NodeJS.ProcessEnv {
    const file = (name: string) => path.join(this.home, name);
    return {
      ...{ PATH: process.env.PATH, WHERRY_ENGINE: 'kubernetes', WHERRY_CONTROLLER_ID: id, WHERRY_IDLE_SECONDS: '3' },
      ...{ WHERRY_DATABASE_URL_FILE: file('db.url'), WHERRY_SEALING_KEY_FILE: file('sealing.key') },
      ...{ WHERRY_RELEASE: this.prefix, WHERRY_NAMESPACE_PREFIX: this.prefix },
      ...{ WHERRY_PLATFORM_NAMESPACE: this.platform, WHERRY_KUBECONFIG: file('kubeconfig') },
      ...{ WHERRY_REGISTRY: this.cluster.registry, WHERRY_REGISTRY_PLAIN_HTTP: 'true' },
      ...{ WHERRY_REGISTRY_KEY_FILE: file('registry.pem') },
      ...{ WHERRY_BUILD_CA_FILE: file('ca.crt'), WHERRY_BUILD_CA_KEY_FILE: file('ca.key') },
      ...{ WHERRY_BUILDKIT_IMAGE: this.images.daemon, WHERRY_PROBE_IMAGE: this.images.probe },
    };
  }

  private async writeFiles(databaseUrl: string, key: KeyPair): Promise<void> {
    const ca = await makeCa();
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const sealing = { ...key, publicKey: base64(key.publicKey), privateKey: base64(key.privateKey) };
    const files: Readonly<Record<string, string>> = {
      'db.url': databaseUrl,
      'sealing.key': JSON.stringify({ keys: [sealing] }),
      'registry.pem': generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'ca.crt': ca.certificate,
      'ca.key': ca.key,
      kubeconfig: JSON.stringify(await this.kubeconfig()),
    };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(path.join(this.home, name), text, { mode: 0o600 });
    }
  }

  /** The ServiceAccount's own token. */
  private async kubeconfig(): Promise<object> {
    const admin = new KubeConfig();
    admin.loadFromFile(this.cluster.kubeconfig);
    const at = `/api/v1/namespaces/${this.platform}/serviceaccounts/${this.account}/token`;
    const spec = { expirationSeconds: 3600 };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const { object } = await this.raw.send('POST', at, body);
    const { token } = object.status as { token: string };
    const { server, caData } = admin.getCurrentCluster()!;
    return {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
      clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': caData } }],
      users: [{ name: 'c', user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    };
  }
}

/** A CA for a day: PEM texts. @param given an RSA key; an ECDSA one is made when it is left out. */
export async function makeCa(given?: KeyObject): Promise<{ certificate: string; key: string }> {
  const { privateKey, publicKey } = given
    ? { privateKey: given, publicKey: createPublicKey(given) }
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = given
    ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    : { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const { subtle } = webcrypto;
  const [pkcs8, spki] = [
    privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey.export({ format: 'der', type: 'spki' }),
  ];
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...{ name: 'CN=wherry-build-ca', keys, signingAlgorithm: algorithm, notAfter: new Date(Date.now() + 86_400_000) },
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto as unknown as Crypto,
  );
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

async function digestOf(registry: string, repository: string, tag: string): Promise<string> {
  const types = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2'];
  const accept = types.map((type) => `application/vnd.${type}+json`).join(', ');
  const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  return answer.headers.get('docker-content-digest')!;
}
