import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils';

const header = `// Pulled from the migrated database; the migrations are the source. To renew it after changing them:
//   vitest run --project medium services/libs/db/src/server/pull-schema.medium.spec.ts --update

`;
const start = `generator client {
  provider               = "prisma-client"
  output                 = "../src/generated"
  runtime                = "nodejs"
  moduleFormat           = "esm"
  importFileExtension    = ""
  compilerBuild          = "small"
  previewFeatures        = ["partialIndexes"]
}

datasource db {
  provider = "postgresql"
}
`;

type SchemaFile = Readonly<{ path: string; content: string }>;
type Engine = {
  introspect(input: object): Promise<{ schema: { files: SchemaFile[] } }>;
  free(): void;
};

/**
 * The Prisma schema of a migrated database: tables as singular PascalCase models, columns as camelCase fields.
 * For tests and development only: it uses Prisma's schema engine through an interface that Prisma calls internal.
 */
export async function pullSchema(databaseUrl: string): Promise<string> {
  const engine = await openEngine(databaseUrl);
  try {
    const file = { path: 'schema.prisma', content: start };
    const pulled = await engine.introspect({
      ...{ force: true, schema: { files: [file] }, baseDirectoryPath: '/', namespaces: null, compositeTypeDepth: 0 },
    });
    return header + inHouseNames(pulled.schema.files[0]?.content ?? '');
  } finally {
    engine.free();
  }
}

/** The types of Node know the global as a namespace only. */
const { WebAssembly: webAssembly } = globalThis as unknown as {
  WebAssembly: {
    instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
  };
};

async function openEngine(connectionString: string): Promise<Engine> {
  const path = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = await import(path);
  const wasm = await readFile(path.replace(/\.js$/, '.wasm'));
  const { instance } = await webAssembly.instantiate(wasm, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const factory = bindMigrationAwareSqlAdapterFactory(new CatalogAdapter({ connectionString, max: 1 }));
  return bindings.SchemaEngine.new({ datamodels: [['schema.prisma', start]] }, () => undefined, factory);
}

/** PostgreSQL's own one-byte type "char": it is in the catalog, and Prisma's adapter for pg does not know it. */
const catalogChar = 18;
const text = 25;

type Rows = { fields: { dataTypeID: number }[]; rows: unknown[][] };

class CatalogAdapter extends PrismaPg {
  override async connect() {
    return withCatalogChars(await super.connect());
  }
}

function withCatalogChars<T extends SqlDriverAdapter>(adapter: T): T {
  const read = adapter.queryRaw;
  const io = adapter as unknown as { performIO(query: SqlQuery): Promise<Rows> };
  adapter.queryRaw = async (query: SqlQuery): Promise<SqlResultSet> => {
    const chars: number[] = [];
    const view = Object.create(adapter, {
      performIO: {
        value: async (inner: SqlQuery) => {
          const result = await io.performIO(inner);
          result.fields.forEach((field, index) => {
            if (field.dataTypeID !== catalogChar) return;
            field.dataTypeID = text;
            chars.push(index);
          });
          return result;
        },
      },
    });
    const result = await read.call(view, query);
    for (const index of chars) {
      result.columnTypes[index] = ColumnTypeEnum.Character;
      for (const row of result.rows) if (row[index] === '') row[index] = null;
    }
    return result;
  };
  return adapter;
}

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string) => camel(`_${name}`);
const singular = (table: string) =>
  table
    .replace(/ies$/, 'y')
    .replace(/(sh|ch)es$/, '$1')
    .replace(/(?<!s)s$/, '');

/** Renames what introspection took over from the database, and keeps the database's names in `@map` and `@@map`. */
function inHouseNames(schema: string): string {
  const tables = new Set([...schema.matchAll(/^model (\w+) \{/gm)].map((match) => match[1] ?? ''));
  const blocks = schema.replace(/^\/\/\/.*\n/gm, '').split(/(?<=^\}\n)/m);
  return blocks.map((block) => (block.trim().startsWith('model') ? renameModel(block, tables) : block)).join('');
}

function renameModel(block: string, tables: ReadonlySet<string>): string {
  const table = /model (\w+)/.exec(block)?.[1] ?? '';
  const body = block.slice(block.indexOf('{') + 1, block.lastIndexOf('}')).split('\n');
  const lines = body.map((line) => line.trim()).filter((line) => line !== '');
  const fields = lines.filter((line) => !line.startsWith('@@')).map((line) => renameField(line, tables));
  const attributes = [...lines.filter((line) => line.startsWith('@@')).map(renameLists), `@@map("${table}")`];
  const shown = [...aligned(fields), '', ...attributes].map((line) => (line === '' ? '' : `  ${line}`));
  return `\nmodel ${pascal(singular(table))} {\n${shown.join('\n')}\n}\n`;
}

function renameField(line: string, tables: ReadonlySet<string>): [name: string, type: string, attributes: string] {
  const [, name = '', type = '', rest = ''] = /^(\w+)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
  const bare = type.replace(/[?[\]]+$/, '');
  const suffix = type.slice(bare.length);
  if (tables.has(bare)) {
    const field = camel(suffix === '[]' ? name : singular(name));
    return [field, pascal(singular(bare)) + suffix, renameLists(rest)];
  }
  const mapped = camel(name) === name ? rest : [`@map("${name}")`, rest].filter(Boolean).join(' ');
  return [camel(name), type, mapped];
}

/** Column names stand in brackets: `fields: [tenant_id, id]`, `@@id([tenant_id, id])`. Raw SQL conditions stay. */
function renameLists(attributes: string): string {
  return attributes.replace(/\[[\w, ]+\]/g, (list) => camel(list));
}

function aligned(fields: readonly (readonly [string, string, string])[]): string[] {
  const nameWidth = Math.max(...fields.map(([name]) => name.length));
  const typeWidth = Math.max(...fields.map(([, type]) => type.length));
  return fields.map(([name, type, attributes]) =>
    `${name.padEnd(nameWidth)} ${type.padEnd(typeWidth)} ${attributes}`.trimEnd(),
  );
}
