import { names } from '../names';
import type { Manifest } from './functions-namespace';
import { functionsServiceAccount } from './functions-namespace';

/** What the policies have to know of an installation. */
export type AdmissionSettings = Readonly<{
  /** The chart's release: the policies are cluster-wide, and named by it. */
  release: string;
  prefix: string;
  platformNamespace: string;
  controllerServiceAccount: string;
  /** The registry, and the path in it, as they begin the names of images. */
  registry: string;
  /** The only images that run in builds' namespaces and in the probe's, by digest. */
  daemonImage: string;
  probeImage: string;
  /** The Leases in the platform's namespace that the controller holds. */
  leases: readonly string[];
}>;

type Rule = Readonly<{ expression: string; message: string }>;

/** The two policies of the chart, each with its binding. */
export function admissionPolicies(settings: AdmissionSettings): Manifest[] {
  return [...workloads(settings), ...confinement(settings)];
}

/** A string of CEL. JSON's escapes are CEL's too. */
const quote = (text: string): string => JSON.stringify(text);
const label = (object: string, key: string): string => `${object}.metadata.?labels[${quote(key)}].orValue('')`;
const userIs = (user: string): string => `request.userInfo.username == ${quote(user)}`;

function controllerUser({ platformNamespace, controllerServiceAccount }: AdmissionSettings): string {
  return `system:serviceaccount:${platformNamespace}:${controllerServiceAccount}`;
}

/**
 * In namespaces of this installation only the controller makes Deployments, Services and NetworkPolicies, only Kubernetes'
 * own controllers make what follows from them, and pods run what belongs there. An update by anyone else may touch neither
 * spec nor labels.
 */
function workloads(settings: AdmissionSettings): Manifest[] {
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: {
      namespaceSelector: { matchLabels: { [names.installation]: settings.prefix } },
      resourceRules: [
        rule([''], ['pods', 'pods/ephemeralcontainers', 'pods/resize', 'podtemplates', 'services']),
        rule([''], ['replicationcontrollers', 'replicationcontrollers/scale']),
        rule(['apps'], ['deployments', 'replicasets', 'statefulsets', 'daemonsets']),
        rule(['apps'], ['deployments/scale', 'replicasets/scale', 'statefulsets/scale']),
        rule(['batch'], ['jobs', 'cronjobs']),
        rule(['networking.k8s.io'], ['networkpolicies']),
      ],
    },
    variables: [
      {
        name: 'resource',
        expression: `request.resource.resource + (request.?subResource.orValue('') == '' ? '' : '/' + request.subResource)`,
      },
      { name: 'purpose', expression: label('namespaceObject', names.purpose) },
      {
        name: 'path',
        expression: `${quote(`${settings.registry}/`)} + ${label('namespaceObject', names.tenant)} + '/' + ${label('namespaceObject', names.trust)} + '/'`,
      },
      {
        name: 'unchanged',
        expression: `request.operation == 'UPDATE' && has(object.spec) && has(oldObject.spec) && object.spec == oldObject.spec && object.metadata.?labels == oldObject.metadata.?labels`,
      },
      { name: 'makesPod', expression: `variables.resource == 'pods' && request.operation == 'CREATE'` },
    ],
    validations: [makers(settings), serviceRule, ...podRules(settings)],
  };
  return policy(`${settings.release}-workloads`, spec);
}

function makers(settings: AdmissionSettings): Rule {
  const by = (resources: string[], user: string) =>
    `(variables.resource in ${JSON.stringify(resources)} && ${userIs(user)})`;
  const kubernetes = 'system:serviceaccount:kube-system';
  return {
    expression: [
      by(['deployments', 'deployments/scale', 'services', 'networkpolicies'], controllerUser(settings)),
      by(['replicasets'], `${kubernetes}:deployment-controller`),
      by(['pods'], `${kubernetes}:replicaset-controller`),
      'variables.unchanged',
    ].join(' || '),
    message: 'Only the Wherry controller makes workloads and NetworkPolicies here. Push to the repository instead.',
  };
}

/** Other types, and addresses of its own choice, would lead traffic of others here or open the cluster to the outside. */
const serviceRule: Rule = {
  expression: `variables.resource != 'services' || (object.spec.?type.orValue('ClusterIP') == 'ClusterIP' && size(object.spec.?externalIPs.orValue([])) == 0 && size(object.spec.?selector.orValue({})) > 0)`,
  message: 'A Service leads to functions, at an address that the cluster gives it.',
};

function podRules({ daemonImage, probeImage }: AdmissionSettings): Rule[] {
  const when = (purpose: string, then: string) =>
    `!variables.makesPod || variables.purpose != '${purpose}' || (${then})`;
  const onlyImage = (image: string) =>
    `size(object.spec.?initContainers.orValue([])) == 0 && object.spec.containers.all(c, c.image == ${quote(image)})`;
  return [
    {
      expression: `!variables.makesPod || variables.purpose in ['functions', 'builds', 'probe']`,
      message: 'This namespace is for no pods.',
    },
    {
      expression: when(
        'functions',
        `object.spec.containers.all(c, c.image.startsWith(variables.path) && c.image.matches('^[^@]+@sha256:[a-f0-9]{64}$') && !c.image.contains('..'))`,
      ),
      message: 'A function runs an image by digest from the path of its own tenant and trust level.',
    },
    {
      expression: when(
        'functions',
        `size(object.spec.containers) == 1 && size(object.spec.?initContainers.orValue([])) == 0`,
      ),
      message: 'A function is one container.',
    },
    {
      expression: when(
        'functions',
        `object.spec.?serviceAccountName.orValue('') == '${functionsServiceAccount}' && object.spec.?automountServiceAccountToken.orValue(true) == false && !object.spec.?volumes.orValue([]).exists(v, has(v.projected))`,
      ),
      message: 'A function has no token of the cluster.',
    },
    { expression: when('builds', onlyImage(daemonImage)), message: 'Only the build daemon runs here.' },
    {
      // The level of the namespace is privileged, so this is all that keeps the node apart.
      expression: when(
        'builds',
        `size(object.spec.containers) == 1 && !object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) && !object.spec.?hostIPC.orValue(false) && !object.spec.?volumes.orValue([]).exists(v, has(v.hostPath) || has(v.projected)) && object.spec.containers.all(c, !c.?securityContext.?privileged.orValue(false) && c.?securityContext.?runAsUser.orValue(object.spec.?securityContext.?runAsUser.orValue(0)) != 0 && c.?securityContext.?capabilities.?add.orValue([]).all(a, a in ['SETUID', 'SETGID']) && !c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0))`,
      ),
      message: 'The build daemon is rootless and has nothing of the node.',
    },
    { expression: when('probe', onlyImage(probeImage)), message: 'Only the probe runs here.' },
  ];
}

/** The controller writes nowhere but in namespaces of this installation, those namespaces, and its own leases. */
function confinement(settings: AdmissionSettings): Manifest[] {
  const { prefix, platformNamespace, leases } = settings;
  const tenantName = (object: string, kind: string) =>
    `${object}.metadata.name == ${quote(`${prefix}-${kind}-`)} + ${label(object, names.tenant)} + '-' + ${label(object, names.trust)}`;
  const level = (object: string, level: string) =>
    `${label(object, 'pod-security.kubernetes.io/enforce')} == '${level}'`;
  const is = (object: string, purpose: string) => `${label(object, names.purpose)} == '${purpose}'`;
  const isOurs = (object: string) =>
    [
      `${label(object, names.managedBy)} == 'wherry'`,
      `${label(object, names.installation)} == ${quote(prefix)}`,
      `(${[
        `(${is(object, 'functions')} && ${tenantName(object, 'fn')} && ${level(object, 'restricted')})`,
        `(${is(object, 'builds')} && ${tenantName(object, 'build')})`,
        `(${is(object, 'probe')} && ${object}.metadata.name == ${quote(`${prefix}-probe`)} && ${level(object, 'restricted')})`,
      ].join(' || ')})`,
    ].join(' && ');
  const isNamespace = `request.resource.group == '' && request.resource.resource == 'namespaces'`;
  const isOwnLease = `request.namespace == ${quote(platformNamespace)} && request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases' && request.name in ${JSON.stringify(leases)}`;
  const spec = {
    failurePolicy: 'Fail',
    // Also subresources, such as a scale or a token, which a lone asterisk leaves out.
    matchConstraints: { resourceRules: [rule(['*'], ['*/*'], ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'])] },
    matchConditions: [{ name: 'is-the-controller', expression: userIs(controllerUser(settings)) }],
    validations: [
      {
        expression: `!(${isNamespace}) || ((request.operation == 'DELETE' || (${isOurs('object')})) && (request.operation == 'CREATE' || (${isOurs('oldObject')})))`,
        message: `The controller keeps namespaces of the installation ${prefix} only, each with the labels that its name tells.`,
      },
      {
        expression: `(${isNamespace}) || (${isOwnLease}) || (namespaceObject != null && ${isOurs('namespaceObject')})`,
        message: `The controller writes only in namespaces of the installation ${prefix}.`,
      },
    ],
  };
  return policy(`${settings.release}-confinement`, spec);
}

function rule(apiGroups: string[], resources: string[], operations = ['CREATE', 'UPDATE']) {
  return { apiGroups, apiVersions: ['*'], operations, resources };
}

function policy(name: string, spec: Readonly<Record<string, unknown>>): Manifest[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  return [
    { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
