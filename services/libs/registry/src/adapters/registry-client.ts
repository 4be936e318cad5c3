import { createHash } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { isRepositoryName, type RegistryAction } from '../access';
import { type Challenge, parseChallenge } from '../challenge';
import { credentialUser } from '../credential';
import type { RegistryLogin } from '../registry-access';

/** How a registry learns who asks. */
export type RegistryAuthentication =
  /** It asks nobody. */
  | Readonly<{ kind: 'none' }>
  /**
   * The chart's registry, whose token service takes credentials. A credential goes to `tokenUrl`, such as
   * `http://registry:5001/token`, and nowhere else, whatever a registry's answer says; it is asked for before each
   * request, so that a renewed one is used at once. One token serves for half a minute of the same requests.
   */
  | Readonly<{ kind: 'tokens'; tokenUrl: string; service: string; credential: () => string | Promise<string> }>
  /**
   * Another registry: the login is shown as its answer asks for it, to itself (Basic) or to the token service that it
   * names, as Docker and every node do.
   */
  | Readonly<{ kind: 'login'; login: RegistryLogin }>;

export type RegistryClientOptions = Readonly<{
  /** Such as `http://registry:5000`. */
  registryUrl: string;
  authentication: RegistryAuthentication;
  /** Without an answer for so long, a request fails. */
  timeoutMs?: number;
}>;

export type Manifest = Readonly<{
  digest: string;
  mediaType: string;
  /** Digests of the manifests that an index holds, such as a platform's image and its provenance. */
  children: readonly string[];
  /** The images among them, without what is attached to one; `platform` such as `linux/amd64`. */
  images: readonly Readonly<{ digest: string; platform: string }>[];
  /** Of an image: how large its layers are as they are kept. */
  layerBytes: number;
}>;

/** A registry or token service that did not do what was asked. `status` is null when it did not answer. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  constructor(
    message: string,
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const referencePattern = /^(?:sha256:[0-9a-f]{64}|[a-zA-Z0-9_][-.a-zA-Z0-9_]{0,127})$/;
/** Tokens are good for at least this long: the token specification of the Distribution project. */
const tokenMs = 60_000;
/** Registries refuse larger manifests too. */
const mostBytes = 4 * 1_048_576;
/** Tags and repositories come in pages; a registry that never ends them is not followed for ever. */
const pageSize = 1_000;
const mostPages = 1_000;

const TokenAnswer = z
  .object({ token: z.string().min(1).optional(), access_token: z.string().min(1).optional() })
  .transform((answer, context) => {
    const token = answer.token ?? answer.access_token;
    if (token === undefined) context.addIssue({ code: 'custom', message: 'no token' });
    return token ?? z.NEVER;
  });
const TagsAnswer = z.object({ tags: z.array(z.string()).nullish() });
const CatalogAnswer = z.object({ repositories: z.array(z.string()).nullish() });
const ManifestAnswer = z.object({
  mediaType: z.string().optional(),
  manifests: z
    .array(
      z.object({
        digest: z.string().regex(digestPattern),
        platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
    )
    .optional(),
  layers: z.array(z.object({ size: z.number() })).optional(),
});
/** What BuildKit attaches to an image is in the index beside it, and says so by this. */
const attached = 'vnd.docker.reference.type';

type Question = Readonly<{ method: 'GET' | 'DELETE'; path: string; scope: string }>;
type TokenService = Readonly<{ url: URL; service: string | null }>;
type Answer = Readonly<{ status: number; headers: Dispatcher.ResponseData['headers']; body: Buffer }>;

/** What builds and retention need of a registry. Every method may be repeated; every failure is a RegistryError. */
export class RegistryClient {
  /** What another registry asks for; null until it was asked. */
  private challenge: Challenge | Readonly<{ kind: 'none' }> | null = null;
  private last: Readonly<{ key: string; text: string; untilMs: number }> | null = null;

  constructor(private readonly options: RegistryClientOptions) {}

  /** All repositories; the credential must allow `pull` everywhere. */
  async repositories(): Promise<string[]> {
    const pages = await this.pages(`/v2/_catalog?n=${pageSize}`, 'registry:catalog:*');
    return pages.flatMap((page) => parse(CatalogAnswer, page).repositories ?? []);
  }

  /** The tags of a repository; none when there is no such repository. */
  async tags(repository: string): Promise<string[]> {
    const pages = await this.pages(`/v2/${named(repository)}/tags/list?n=${pageSize}`, scope(repository, 'pull'));
    return pages.flatMap((page) => parse(TagsAnswer, page).tags ?? []);
  }

  /** @param reference A tag or a digest. Null when there is no such manifest. */
  async manifest(repository: string, reference: string): Promise<Manifest | null> {
    const path = `/v2/${named(repository)}/manifests/${referenced(reference)}`;
    const answer = await this.ask('GET', path, scope(repository, 'pull'));
    if (answer.status === 404) return null;
    demand(answer, 200, `read ${repository}`);
    const digest = `sha256:${createHash('sha256').update(answer.body).digest('hex')}`;
    if (digestPattern.test(reference) && digest !== reference) {
      throw new RegistryError(`The registry's manifest ${reference} has another digest, ${digest}.`, answer.status);
    }
    const parsed = parse(ManifestAnswer, answer.body);
    const mediaType = parsed.mediaType ?? String(answer.headers['content-type'] ?? '');
    const { manifests = [], layers = [] } = parsed;
    const images = manifests
      .filter(({ annotations }) => annotations?.[attached] === undefined)
      .map(({ digest, platform }) => ({ digest, platform: `${platform?.os ?? ''}/${platform?.architecture ?? ''}` }));
    const layerBytes = layers.reduce((sum, { size }) => sum + size, 0);
    return { digest, mediaType, children: manifests.map((child) => child.digest), images, layerBytes };
  }

  /** Removes a manifest and all tags of it. False when it was gone before. */
  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    if (!digestPattern.test(digest)) throw new RegistryError('A manifest is deleted by its sha256 digest.', null);
    const answer = await this.ask(
      'DELETE',
      `/v2/${named(repository)}/manifests/${digest}`,
      scope(repository, 'delete'),
    );
    if (answer.status === 404) return false;
    demand(answer, 202, `delete from ${repository}`);
    return true;
  }

  private async pages(first: string, scope: string): Promise<Buffer[]> {
    const pages: Buffer[] = [];
    for (let path: string | null = first; path !== null;) {
      if (pages.length === mostPages) throw new RegistryError(`The registry's list has over ${mostPages} pages.`, null);
      const answer = await this.ask('GET', path, scope);
      if (answer.status === 404) return pages;
      demand(answer, 200, 'list');
      pages.push(answer.body);
      path = this.nextPage(answer);
    }
    return pages;
  }

  /** The path in `Link: <…>; rel="next"`, of this registry only. */
  private nextPage(answer: Answer): string | null {
    const link = /^<([^>]+)>;\s*rel="?next"?/.exec(String(answer.headers.link ?? ''))?.[1];
    if (link === undefined) return null;
    const next = new URL(link, this.options.registryUrl);
    return next.pathname + next.search;
  }

  private async ask(method: 'GET' | 'DELETE', path: string, scope: string): Promise<Answer> {
    const { authentication } = this.options;
    if (authentication.kind === 'none') return await this.show(null, method, path);
    if (authentication.kind === 'tokens') {
      const { tokenUrl, service, credential } = authentication;
      const login = { user: credentialUser, password: await credential() };
      return await this.showToken({ url: new URL(tokenUrl), service }, login, { method, path, scope });
    }
    const { login } = authentication;
    this.challenge ??= await this.wanted();
    if (this.challenge.kind === 'none') return await this.show(null, method, path);
    if (this.challenge.kind === 'basic') return await this.show(basic(login), method, path);
    return await this.showToken(this.challenge, login, { method, path, scope });
  }

  private async show(authorization: string | null, method: 'GET' | 'DELETE', path: string): Promise<Answer> {
    const headers = { ...(authorization !== null && { authorization }), accept: manifestTypes };
    return await this.send(new URL(path, this.options.registryUrl), { method, headers });
  }

  /** How the registry says that it wants a login. One behind TLS that wants it sent without TLS is not given it. */
  private async wanted(): Promise<Challenge | Readonly<{ kind: 'none' }>> {
    const { status, headers } = await this.show(null, 'GET', '/v2/');
    if (status === 200) return { kind: 'none' };
    const challenge = status === 401 ? parseChallenge(headers['www-authenticate']) : null;
    if (challenge === null) throw new RegistryError('The registry does not say how it wants a login.', status);
    const isPlain = new URL(this.options.registryUrl).protocol === 'http:';
    if (challenge.kind === 'basic' || isPlain || challenge.url.protocol === 'https:') return challenge;
    throw new RegistryError('The registry wants its login to be sent to a token service without TLS.', status);
  }

  /** With the last token as long as it may serve: much is asked of one repository, then of the next. */
  private async showToken(to: TokenService, login: RegistryLogin, { method, path, scope }: Question): Promise<Answer> {
    const key = JSON.stringify([to.url.href, to.service, scope, login]);
    const nowMs = performance.now();
    if (this.last?.key === key && nowMs < this.last.untilMs) {
      const answer = await this.show(this.last.text, method, path);
      // The key that tokens are signed with may be another one by now.
      if (answer.status !== 401) return answer;
    }
    const text = await this.token(to, scope, login);
    this.last = { key, text, untilMs: nowMs + tokenMs / 2 };
    return await this.show(text, method, path);
  }

  private async token({ url, service }: TokenService, scope: string, login: RegistryLogin): Promise<string> {
    const asked = new URL(url);
    if (service !== null) asked.searchParams.set('service', service);
    asked.searchParams.set('scope', scope);
    const answer = await this.send(asked, { method: 'GET', headers: { authorization: basic(login) } });
    demand(answer, 200, 'get a token');
    return `Bearer ${parse(TokenAnswer, answer.body)}`;
  }

  private async send(url: URL, options: Pick<Dispatcher.RequestOptions, 'method' | 'headers'>): Promise<Answer> {
    const timeout = this.options.timeoutMs ?? 10_000;
    try {
      const { statusCode, headers, body } = await request(url, {
        ...options,
        ...{ headersTimeout: timeout, bodyTimeout: timeout, signal: AbortSignal.timeout(2 * timeout) },
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > mostBytes) throw new Error('The answer is larger than 4 MiB.');
        chunks.push(chunk);
      }
      return { status: statusCode, headers, body: Buffer.concat(chunks) };
    } catch (cause) {
      throw new RegistryError(`No answer from ${url.host}.`, null, { cause });
    }
  }
}

function basic({ user, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function scope(repository: string, action: RegistryAction): string {
  return `repository:${repository}:${action}`;
}

function named(repository: string): string {
  if (isRepositoryName(repository)) return repository;
  throw new RegistryError('No repository can have this name.', null);
}

function referenced(reference: string): string {
  if (referencePattern.test(reference)) return reference;
  throw new RegistryError('A manifest is named by a tag or a sha256 digest.', null);
}

function demand(answer: Answer, status: number, what: string): void {
  if (answer.status === status) return;
  const why =
    answer.status === 401 || answer.status === 403 ? 'the credential does not allow it' : `HTTP ${answer.status}`;
  throw new RegistryError(`The registry did not ${what}: ${why}.`, answer.status);
}

function parse<T>(schema: z.ZodType<T>, body: Buffer): T {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    throw new RegistryError('The registry answered what is not of its protocol.', null, { cause });
  }
}
