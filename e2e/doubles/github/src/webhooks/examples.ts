import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Json } from '../scenario';

type Definition = { name: string; examples: Json[] };

const file = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json');
let definitions: Map<string, Json[]> | undefined;

/**
 * A real payload of GitHub's to start from, a copy: of this event and action, else of the event. One that an App's
 * installation received comes first.
 */
export function examplePayload(event: string, action: string | null): Json {
  definitions ??= new Map(
    (JSON.parse(readFileSync(file, 'utf8')) as Definition[]).map(({ name, examples }) => [name, examples]),
  );
  const examples = definitions.get(event) ?? [];
  const fitting = examples.filter((example) => (example['action'] ?? null) === action);
  const among = fitting.length > 0 ? fitting : examples;
  const found = among.find((example) => example['installation'] !== undefined) ?? among[0] ?? {};
  return structuredClone(found);
}
