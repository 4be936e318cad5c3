import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { App } from '@octokit/app';
import { Octokit } from '@octokit/core';
import { GithubDouble, type AppCredentials } from './client';

export type Received = Readonly<{ headers: Record<string, string>; body: string }>;

/** A double with one person, one organisation, and a receiver of webhooks, for the tests of the double itself. */
export class TestGithub {
  private constructor(
    readonly github: Awaited<ReturnType<typeof GithubDouble.start>>,
    private readonly receiver: Server,
    readonly received: Received[],
    private readonly answer: { status: number },
  ) {}

  static async start(): Promise<TestGithub> {
    const received: Received[] = [];
    const answer = { status: 202 };
    const receiver = createServer(async (request, response) => {
      const body = (await buffer(request)).toString('utf8');
      received.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(answer.status).end('noted');
    }).listen(0, '127.0.0.1');
    const github = await GithubDouble.start();
    await github.createUser({ login: 'ada' });
    await github.createOrganisation({ login: 'acme', members: [{ login: 'ada', role: 'admin' }] });
    return new TestGithub(github, receiver, received, answer);
  }

  get hookUrl(): string {
    return `http://127.0.0.1:${(this.receiver.address() as AddressInfo).port}/github/webhooks`;
  }

  answerWith(status: number): void {
    this.answer.status = status;
  }

  /** A private repository `acme/shop`, and an App that reaches it. */
  async installed(files: Record<string, string> = { 'README.md': '# shop' }) {
    const app = await this.github.createApp({ webhookUrl: this.hookUrl });
    const repository = await this.github.createRepository({ owner: 'acme', name: 'shop', private: true, files });
    const where = { appId: app.appId, account: 'acme', repositories: 'all' } as const;
    const { installationId } = await this.github.install(where);
    return { app, repository, installationId };
  }

  /** The real client of an App. */
  app({ appId, privateKeyPem }: AppCredentials): App {
    return new App({ appId, privateKey: privateKeyPem, Octokit: Octokit.defaults({ baseUrl: this.github.apiUrl }) });
  }

  /** Events that have arrived, such as `pull_request opened`. */
  async told(): Promise<string[]> {
    await this.github.settled();
    return this.received.map(({ headers, body }) => {
      const { action } = JSON.parse(body) as { action?: string };
      return [headers['x-github-event'], ...(action === undefined ? [] : [action])].join(' ');
    });
  }

  /** The payload of the last event of a kind. */
  last(event: string): unknown {
    const found = this.received.filter(({ headers }) => headers['x-github-event'] === event).at(-1);
    return JSON.parse(found?.body ?? 'null');
  }

  /** @throws Error when the double answered or sent what GitHub's own description does not allow. */
  async stop(): Promise<void> {
    const violations = await this.github.violations();
    await this.github.stop();
    this.receiver.close();
    if (violations.length > 0) throw new Error(`The double is wrong:\n${violations.join('\n')}`);
  }
}
