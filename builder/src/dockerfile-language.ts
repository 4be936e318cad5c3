import type { BuildOrder } from '@wherry/contract';
import type { Template } from './adapters/template-folder';

/** The language of a folder with a Dockerfile of its own. */
export const dockerfileLanguage = 'dockerfile';

/** Such a folder brings all that a template would: nothing is added to it, and the image says how it starts. */
export const dockerfileTemplate: Template = {
  manifest: {
    language: dockerfileLanguage,
    fprocess: '',
    handler_folder: '.',
    wherry: {
      start: [],
      files: [],
      dependencies: { kind: 'none' },
      handlers: ['Dockerfile'],
      executable: false,
    },
  },
  folder: '',
  entries: [],
  digest: dockerfileLanguage,
};

/** What `lang` may be, what it may be elsewhere, and where functions can name callers when they cannot here. */
export function languagesOf(order: BuildOrder, templates: readonly string[]) {
  if (order.buildkit) return { languages: [...templates, dockerfileLanguage] };
  const elsewhere =
    'Dockerfiles are built only where Wherry runs on Kubernetes; choose one of these languages here: ' +
    `${templates.join(', ')}.`;
  const callersElsewhere =
    'works only where Wherry runs on Kubernetes: here replicas have no addresses. Remove it, and call the function at its public address.';
  return { languages: templates, languagesElsewhere: { [dockerfileLanguage]: elsewhere }, callersElsewhere };
}
