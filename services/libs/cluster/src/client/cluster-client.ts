import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { fieldManager } from '../names';
import { resourcePath, type ObjectRef } from './resource-path';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Sent = Readonly<{ query?: Query; body?: unknown; contentType?: string; signal?: AbortSignal }>;
/** Anything that can be written: what it is, where, and whatever else it has. */
export type ClusterObject = ObjectRef & Readonly<Record<string, unknown>>;

/** An answer of the API server that is not a success. `message` is the server's own sentence. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  constructor(
    readonly status: number,
    /** The machine-readable word, such as `AlreadyExists`; '' when there is none. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): error is ClusterError {
  return error instanceof ClusterError && statuses.includes(error.status);
}

/** An ordinary request answers within this; a stream is the caller's to end. */
const requestTimeoutMs = 20_000;

/**
 * The few things that Wherry does with the API server. The library reads credentials (also those that rotate) and
 * decides about TLS; the requests are made here, because streams must end with an error when their connection does.
 */
export class ClusterClient {
  private config: Promise<KubeConfig> | null = null;
  private agent: Readonly<{ of: string; agent: Agent }> | null = null;

  private constructor(private readonly configure: (config: KubeConfig) => void) {}

  static fromFile(path: string): ClusterClient {
    return new ClusterClient((config) => config.loadFromFile(path));
  }

  /** With the credentials of the pod that this process runs in. */
  static inCluster(): ClusterClient {
    return new ClusterClient((config) => config.loadFromCluster());
  }

  /** @throws ClusterError for every answer that is not a success, Error when there is no answer. */
  async request<T>(method: Method, path: string, sent: Sent = {}): Promise<T> {
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    const signal = sent.signal ? AbortSignal.any([sent.signal, timeout]) : timeout;
    const text = await textOf(await this.send(method, path, { ...sent, signal }));
    return JSON.parse(text) as T;
  }

  /** The bytes of an answer as they come. Ends when the server ends it; throws when the connection breaks or `signal` aborts. */
  async *stream(path: string, query: Query, signal: AbortSignal): AsyncIterable<Buffer> {
    const answer = await this.send('GET', path, { query, signal });
    yield* answer as AsyncIterable<Buffer>;
  }

  /** Server-side apply: makes the object be so, in the fields it names, whoever set them before. */
  apply<T>(object: ClusterObject): Promise<T> {
    const query = { fieldManager, force: true };
    return this.request('PATCH', resourcePath(object), {
      query,
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** @throws ClusterError 409 when it exists. */
  create<T>(object: ClusterObject): Promise<T> {
    const { metadata, ...rest } = object;
    const path = resourcePath({ ...rest, metadata: { ...metadata, name: '' } } as ObjectRef);
    return this.request('POST', path, { query: { fieldManager }, body: object });
  }

  read<T>(ref: ObjectRef): Promise<T> {
    return this.request('GET', resourcePath(ref));
  }

  /** Makes an object exactly so, whoever set what is not in it; `metadata.resourceVersion` is that of the one it replaces. */
  replace<T>(object: ClusterObject): Promise<T> {
    return this.request('PUT', resourcePath(object), { query: { fieldManager }, body: object });
  }

  /** A merge patch; `subresource` such as `scale`. */
  merge<T>(ref: ObjectRef, patch: unknown, subresource = ''): Promise<T> {
    const path = resourcePath(ref) + (subresource === '' ? '' : `/${subresource}`);
    return this.request('PATCH', path, {
      query: { fieldManager },
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Its dependents go after it. Nothing happens when it is not there. `graceSeconds` 0: at once. */
  async remove(ref: ObjectRef, graceSeconds?: number): Promise<void> {
    const body = { propagationPolicy: 'Background', gracePeriodSeconds: graceSeconds };
    try {
      await this.request('DELETE', resourcePath(ref), { body });
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }

  /** With the first request: a process that never makes one does not load the library, which is large. */
  private async load(): Promise<KubeConfig> {
    const { KubeConfig } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    this.configure(config);
    return config;
  }

  private async send(
    method: Method,
    path: string,
    { query, body, contentType, signal }: Sent,
  ): Promise<IncomingMessage> {
    const config = await (this.config ??= this.load());
    const cluster = config.getCurrentCluster();
    if (!cluster)
      throw new Error('The kubeconfig names no current cluster; choose one with kubectl config use-context.');
    const url = new URL(cluster.server.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const options: RequestOptions = { method, headers: { accept: 'application/json' }, ...(signal && { signal }) };
    await config.applyToHTTPSOptions(options);
    if (url.protocol === 'https:' && !cluster.proxyUrl) options.agent = this.keptAgent(options);
    const payload = body === undefined ? null : JSON.stringify(body);
    const headers = {
      ...(options.headers as object),
      // Said here, because Node says nothing of the body of a DELETE, which would then be read as the next request.
      ...(payload && {
        'content-type': contentType ?? 'application/json',
        'content-length': Buffer.byteLength(payload),
      }),
    };
    const answer = await answerOf(url, { ...options, headers }, payload);
    if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
    throw errorOf(answer.statusCode!, await textOf(answer));
  }

  /** Keeps connections, so that not every request begins with a handshake; certificates may rotate. */
  private keptAgent({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): Agent {
    const of = JSON.stringify([String(ca), String(cert), String(key), rejectUnauthorized, servername]);
    if (this.agent?.of !== of) {
      const agent = new Agent({ ca, cert, key, rejectUnauthorized, servername, keepAlive: true, scheduling: 'lifo' });
      this.agent = { of, agent };
    }
    return this.agent.agent;
  }
}

function answerOf(url: URL, options: RequestOptions, payload: string | null): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed a kept connection just as it was used again: it has not read the request.
      if (sent.reusedSocket && error.code === 'ECONNRESET') answerOf(url, options, payload).then(resolve, reject);
      else reject(error);
    });
    sent.end(payload);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** A `Status` object when the API server answered; anything when something in front of it did. */
function errorOf(status: number, text: string): ClusterError {
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    return new ClusterError(status, reason ?? '', message ?? text);
  } catch {
    return new ClusterError(status, '', text.slice(0, 500) || `The API server answered ${status}.`);
  }
}
