import { z } from 'zod';
import { GithubAppClient, type NewGithubApp, registrationFailed } from '../app-client';

/** The answer to a conversion is some kilobytes; more is not GitHub's. */
const mostBytes = 256 * 1024;
const timeoutMs = 15_000;

const text = z.string().min(1).max(1_000);
/** A person or organisation has a login, an enterprise a slug. */
const Owner = z.union([z.object({ login: text }), z.object({ slug: text })]);
const Conversion = z.object({
  id: z.int().positive(),
  slug: text,
  name: text,
  html_url: z.url({ protocol: /^https?$/ }),
  client_id: text,
  client_secret: text,
  webhook_secret: text.nullable(),
  pem: z.string().min(1).max(20_000),
  owner: Owner,
});

/** Asks GitHub's REST API; `apiUrl` without a slash at its end. */
export class HttpGithubAppClient extends GithubAppClient {
  constructor(private readonly apiUrl: string) {
    super();
  }

  async convertManifest(code: string): Promise<NewGithubApp> {
    const { status, body } = await this.post(`/app-manifests/${encodeURIComponent(code)}/conversions`);
    if (status === 404 || status === 422) {
      throw registrationFailed('GitHub does not know this code: it was used already, or is more than an hour old.');
    }
    if (status !== 201) throw registrationFailed(`GitHub answered ${status}.`);
    const parsed = Conversion.safeParse(jsonOf(body));
    if (!parsed.success) {
      // Of the answer only places may be told: it holds the App's secrets.
      const places = parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
      throw registrationFailed('GitHub answered something else than an App.', new Error(`It is wrong at: ${places}`));
    }
    const { id, slug, name, html_url, client_id, client_secret, webhook_secret, pem, owner } = parsed.data;
    return {
      ...{ appId: id, slug, name, clientId: client_id, clientSecret: client_secret, webhookSecret: webhook_secret },
      ...{ privateKeyPem: pem, htmlUrl: html_url, ownerLogin: 'login' in owner ? owner.login : owner.slug },
    };
  }

  private async post(path: string): Promise<{ status: number; body: string }> {
    try {
      const reply = await fetch(`${this.apiUrl}${path}`, {
        method: 'POST',
        headers: {
          ...{ accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28', 'user-agent': 'wherry' },
        },
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: reply.status, body: await readAtMost(reply, mostBytes) };
    } catch (cause) {
      throw registrationFailed('GitHub did not answer.', cause);
    }
  }
}

async function readAtMost(reply: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of reply.body ?? []) {
    byteCount += chunk.length;
    if (byteCount > most) throw new Error(`The answer has more than ${most} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
