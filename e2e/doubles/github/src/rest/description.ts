import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { Json } from '../scenario';

type Schema = Readonly<Record<string, unknown>> & {
  $ref?: string;
  type?: string | string[];
  nullable?: boolean;
  required?: string[];
  properties?: Record<string, Schema>;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  format?: string;
};
type Media = Readonly<{ content?: Record<string, { schema?: Schema }> }>;
type Operation = Readonly<{
  parameters?: readonly ({ $ref?: string } & { name: string; in: string; required?: boolean; schema: Schema })[];
  requestBody?: Media & { required?: boolean };
  responses: Record<string, Media & { $ref?: string }>;
}>;
type Document = {
  paths: Record<string, Record<string, Operation>>;
  'x-webhooks': Record<string, { post: Operation }>;
  components: Record<string, Record<string, Schema>>;
};

const file = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json');
const prefix = '#/components/';

/**
 * GitHub's published description of its REST API and webhooks (npm `@octokit/openapi`), cut down to the operations that
 * the double has. Schemas are compiled when first used.
 */
export class Description {
  private readonly components: Document['components'] = {};
  private readonly operations = new Map<string, Operation>();
  private readonly webhooks: Document['x-webhooks'];
  private readonly ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true, coerceTypes: false });
  private readonly compiled = new Map<string, ValidateFunction | null>();

  /**
   * @param names such as `GET /repos/{owner}/{repo}`; @param events such as `pull_request`.
   * @throws Error for an operation that GitHub does not describe.
   */
  constructor(names: readonly string[], events: readonly string[], schemas: readonly string[]) {
    const whole = JSON.parse(readFileSync(file, 'utf8')) as Document;
    for (const name of names) {
      const [method = '', path = ''] = name.split(' ');
      const operation = whole.paths[path]?.[method.toLowerCase()];
      if (operation === undefined) throw new Error(`GitHub describes no ${name}.`);
      this.operations.set(name, this.keep(whole, operation));
    }
    const isWanted = (key: string) => events.some((event) => key.startsWith(event.replaceAll('_', '-')));
    this.webhooks = Object.fromEntries(
      Object.entries(whole['x-webhooks'])
        .filter(([key]) => isWanted(key))
        .map(([key, { post }]) => [key, { post: this.keep(whole, post) }]),
    );
    for (const name of schemas) this.keep(whole, { $ref: `${prefix}schemas/${name}` });
    (formats as unknown as { default: typeof formats.default }).default(this.ajv);
    // An address that was never given is answered as '', the described default, which is no address.
    this.ajv.addFormat('uri', { type: 'string', validate: (text: string) => text === '' || URL.canParse(text) });
    this.ajv.addSchema({ $id: 'github', components: this.components });
  }

  /** What is wrong with a request's JSON body; undefined when GitHub takes it. */
  refusal(name: string, body: unknown): string | undefined {
    const asked = this.operations.get(name)?.requestBody;
    if (asked === undefined) return undefined;
    if (body === undefined && asked.required !== true) return undefined;
    const check = this.validator(`${name} request`, asked.content?.['application/json']?.schema);
    return this.complaint(check, body ?? {}, 'properties');
  }

  /** What is wrong with an answer; undefined when it is as described. */
  violation(name: string, status: number, body: unknown): string | undefined {
    const described = this.operations.get(name)?.responses[String(status)];
    if (described === undefined) return `${name} never answers ${status}.`;
    const media = described.$ref === undefined ? described : (this.lookUp(described.$ref) as Media);
    const schema = (media.content?.['application/json'] ?? Object.values(media.content ?? {})[0])?.schema;
    if (schema === undefined) return body === undefined ? undefined : `${name} answers ${status} without a body.`;
    return this.complaint(this.validator(`${name} ${status}`, schema), body, `${name} ${status}`);
  }

  /** Whether GitHub describes this status of an operation. */
  describes(name: string, status: number): boolean {
    return this.operations.get(name)?.responses[String(status)] !== undefined;
  }

  /** What is wrong with a webhook's payload. */
  payloadViolation(event: string, action: string | null, payload: unknown): string | undefined {
    const key = [event, ...(action === null ? [] : [action])].join('-').replaceAll('_', '-');
    const schema = this.webhooks[key]?.post.requestBody?.content?.['application/json']?.schema;
    if (schema === undefined) return `GitHub describes no webhook ${key}.`;
    return this.complaint(this.validator(`webhook ${key}`, schema), payload, `webhook ${key}`);
  }

  /** What a parameter must be: `integer`, or one of `values`. Undefined when it is not described. */
  parameter(
    name: string,
    where: 'query' | 'path',
    parameter: string,
  ): { type: string; values?: unknown[] } | undefined {
    const all = this.operations.get(name)?.parameters ?? [];
    const found = all
      .map((one) => (one.$ref === undefined ? one : (this.lookUp(one.$ref) as unknown as typeof one)))
      .find((one) => one.in === where && one.name === parameter);
    if (found === undefined) return undefined;
    const type = String(found.schema.type);
    return found.schema.enum === undefined ? { type } : { type, values: found.schema.enum };
  }

  /**
   * `known` with the fields that `schema` requires beside it: null where it may be, else the emptiest value there is,
   * and addresses below `known.url`. So renderers say only what the scenario knows.
   */
  complete(schema: string, known: Json): Json {
    return this.filled({ $ref: `${prefix}schemas/${schema}` }, known, String(known['url'] ?? 'https://github.invalid'));
  }

  private filled(from: Schema, known: Json, url: string): Json {
    const schema = this.resolved(from);
    const result: Json = { ...known };
    for (const part of schema.allOf ?? []) Object.assign(result, { ...this.filled(part, known, url), ...known });
    for (const name of schema.required ?? [])
      if (result[name] === undefined) result[name] = this.emptiest(schema.properties?.[name] ?? {}, name, url);
    return result;
  }

  private emptiest(from: Schema, name: string, url: string): unknown {
    const schema = this.resolved(from);
    const choices = schema.anyOf ?? schema.oneOf;
    if (schema.type === undefined && choices?.[0] !== undefined) return this.emptiest(choices[0], name, url);
    const types = [schema.type].flat();
    if (types.includes('null')) return null;
    if (schema.enum !== undefined) return schema.enum[0];
    if (types.includes('array')) return [];
    if (types.includes('boolean')) return false;
    if (types.includes('integer') || types.includes('number')) return 0;
    if (types.includes('object')) return this.filled(schema, {}, url);
    return schema.format === 'uri' || name.endsWith('url') ? `${url}/${name.replace(/_url$/, '')}` : '';
  }

  private resolved(schema: Schema): Schema {
    return schema.$ref === undefined ? schema : this.lookUp(schema.$ref.replace('github', ''));
  }

  private lookUp(ref: string): Schema {
    const [kind = '', name = ''] = ref.slice(ref.indexOf(prefix) + prefix.length).split('/');
    const found = this.components[kind]?.[name];
    if (found === undefined) throw new Error(`The description was cut too short: ${ref} is missing.`);
    return found;
  }

  private validator(key: string, schema: Schema | undefined): ValidateFunction | null {
    let check = this.compiled.get(key);
    if (check === undefined) {
      check = schema === undefined ? null : this.ajv.compile(schema);
      this.compiled.set(key, check);
    }
    return check;
  }

  private complaint(check: ValidateFunction | null, body: unknown, where: string): string | undefined {
    if (check === null || check(body)) return undefined;
    // Of alternatives, the one that came furthest tells most.
    const [error] = [...(check.errors ?? [])].sort((a, b) => b.instancePath.length - a.instancePath.length);
    const params = JSON.stringify(error?.params ?? {});
    return `For '${where}${error?.instancePath ?? ''}', it ${error?.message ?? 'does not fit'} ${params}.`;
  }

  /** A copy in JSON Schema's words; every component that it names is kept too. */
  private keep<Part>(whole: Document, part: Part): Part {
    return this.converted(whole, part) as Part;
  }

  private converted(whole: Document, part: unknown): unknown {
    if (Array.isArray(part)) return part.map((item) => this.converted(whole, item));
    if (typeof part !== 'object' || part === null) return part;
    const { $ref } = part as Schema;
    if (typeof $ref === 'string') {
      const [kind = '', name = ''] = $ref.slice(prefix.length).split('/');
      const kept = (this.components[kind] ??= {});
      if (kept[name] === undefined) {
        kept[name] = {};
        kept[name] = this.converted(whole, whole.components[kind]?.[name]) as Schema;
      }
      return { $ref: `github${$ref}` };
    }
    const entries = Object.entries(eitherOwner(part)).filter(([key]) => !unused.has(key));
    return nullable(
      Object.fromEntries(
        entries.map(([key, value]) => [
          key,
          key === 'properties' ? this.each(whole, value) : this.converted(whole, value),
        ]),
      ),
    );
  }

  /** Properties have names of their own choosing, such as `description`. */
  private each(whole: Document, properties: object): Json {
    return Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, this.converted(whole, one)]));
  }
}

/** Prose, and what only other tools read. */
const unused = new Set([
  'examples',
  'example',
  'description',
  'summary',
  'externalDocs',
  'x-github',
  'x-octokit',
  'tags',
]);

/** The list of installations is described with accounts that are a person and an enterprise at once; one of them is meant. */
function eitherOwner(part: object): object {
  const { allOf, ...rest } = part as { allOf?: readonly { title?: string }[] };
  const titles = allOf?.map(({ title }) => title).join();
  return titles === 'Simple User,Enterprise' ? { ...rest, anyOf: allOf } : part;
}

/** OpenAPI 3.0 says `nullable`, JSON Schema has a type of that name. */
function nullable(schema: Schema): Schema {
  if (schema.nullable !== true) return schema;
  const { nullable: _, ...rest } = schema;
  if (rest.type !== undefined) {
    const values = rest.enum === undefined ? {} : { enum: [...new Set([...rest.enum, null])] };
    return { ...rest, ...values, type: [...[rest.type].flat(), 'null'] };
  }
  return { anyOf: [{ type: 'null' }, rest] };
}
