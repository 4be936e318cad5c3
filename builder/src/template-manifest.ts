import { z } from 'zod';

const relativePath = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)*$/)
  .refine((path) => !path.split('/').some((part) => part === '..' || part === '.'), 'must stay in its folder');

/** How a template's functions name their dependencies. Paths of `target` are relative to the root of the artifact. */
const Dependencies = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.enum(['npm', 'pip']),
    /** In the handler's folder: package.json, requirements.txt. Without it nothing is installed. */
    manifest: relativePath,
    /** In the handler's folder; null for tools without one. */
    lockfile: relativePath.nullable(),
    /** Where the packages go in the artifact; npm always wants `<handler_folder>/node_modules`. */
    target: relativePath,
  }),
]);

/**
 * `template.yml` of a template: the keys of OpenFaaS and, under `wherry`, how the artifact is put together. The artifact
 * is seen at /home/app when it runs: `files` in its root, the handler in `handler_folder`, packages in `target`.
 */
export const TemplateManifest = z.strictObject({
  language: z.string(),
  /** What runs per request or as server when stack.yml names no fprocess; given to the function as `fprocess`. */
  fprocess: z.string().min(1),
  welcome_message: z.string().optional(),
  handler_folder: relativePath.default('function'),
  wherry: z.strictObject({
    /** The command inside the sandbox, such as ["/opt/wherry/bin/node", "/home/app/index.mjs"]. */
    start: z.array(z.string()).min(1),
    /** Files of the template's folder that are copied into the root of the artifact. */
    files: z.array(relativePath),
    dependencies: Dependencies,
    /** Names of which the handler's folder must have one, unless an executable template gets an fprocess of its own. */
    handlers: z.array(relativePath),
    /** Whether fprocess is a program run per request, so that a file of the handler it names is made executable. */
    executable: z.boolean(),
  }),
});
export type TemplateManifest = z.infer<typeof TemplateManifest>;
