import { readFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import type { Operation } from './operation';
import { openApiDocument } from './openapi';
import { operations } from './operations';

const client = new URL('../../../../../web/api-client/', import.meta.url).pathname;
const all = Object.entries(operations) as [string, Operation][];

async function formatted(text: string, parser: 'json' | 'typescript'): Promise<string> {
  const options = JSON.parse(readFileSync(new URL('../../../../../.prettierrc.json', import.meta.url), 'utf8'));
  return prettier.format(text, { ...options, parser });
}

// Both files are written again by running this file with `vitest --update`.
describe('the checked-in client', () => {
  it('has the document that the operations describe', async () => {
    const document = await formatted(JSON.stringify(openApiDocument()), 'json');
    await expect(document).toMatchFileSnapshot(`${client}openapi.json`);
  });

  it('has the types that the document describes', async () => {
    const nodes = await openapiTS(JSON.stringify(openApiDocument()));
    const types = `/* Generated from openapi.json. */\n${astToString(nodes)}`;
    await expect(await formatted(types, 'typescript')).toMatchFileSnapshot(`${client}src/schema.ts`);
  });
});

describe('the operations', () => {
  it('have a method and path of their own each', () => {
    const routes = all.map(([, { method, path }]) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`);
    expect(routes).toEqual([...new Set(routes)]);
  });

  it.each(all)('%s names exactly the parameters of its path', (_id, operation) => {
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(Object.keys(operation.params?.shape ?? {})).toEqual(inPath);
  });

  it.each(all)('%s is below a tenant exactly when it needs membership', (_id, operation) => {
    expect(operation.path.startsWith('/v1/tenants/{tenant}/')).toBe(operation.auth.startsWith('tenant:'));
  });

  it.each(all)('%s has a body only if it changes something', (_id, operation) => {
    expect(operation.method === 'GET' || operation.method === 'DELETE').toBe(operation.body === undefined);
  });
});
