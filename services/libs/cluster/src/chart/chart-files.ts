import { stringify } from 'yaml';
import { admissionPolicies } from '../tenancy/admission';
import { controllerRoles } from '../rbac/rules';
import type { Manifest } from '../tenancy/functions-namespace';

/**
 * What the chart knows only when it is installed, as Helm's template language has it. Its strings are in backticks,
 * because these words end up inside of other quotes.
 */
const values = {
  release: '{{ .Release.Name }}',
  prefix: '{{ .Values.namespacePrefix }}',
  platformNamespace: '{{ .Release.Namespace }}',
  controllerServiceAccount: '{{ .Release.Name }}-controller',
  namespaceClusterRole: '{{ .Release.Name }}-namespace',
  registry: '{{ include `wherry.registryHost` . }}',
  daemonImage: '{{ .Values.builds.image }}',
  probeImage: '{{ include `wherry.image` (list . `controller`) }}',
  leases: ['{{ .Release.Name }}-controller'],
} as const;

/** The chart's templates of what this library decides, by file name: the controller's roles and the admission policies. */
export function chartFiles(): Readonly<Record<string, string>> {
  return { 'rbac.yaml': textOf(controllerRoles(values)), 'admission.yaml': textOf(admissionPolicies(values)) };
}

function textOf(manifests: readonly Manifest[]): string {
  const head = '# Made by services/libs/cluster/src/chart: change it there.\n';
  // One line for each expression, however long: a fold inside of a template's braces would be part of it.
  return head + manifests.map((manifest) => `---\n${stringify(manifest, { lineWidth: 0 })}`).join('');
}
