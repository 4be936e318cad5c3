import { healthEnvironment } from '@wherry/health';
import { RegistryPlace } from '@wherry/registry';
import { z } from 'zod';

const path = z.string().min(1);
/** A name that may begin names of namespaces. */
const prefix = z.string().regex(/^[a-z]([-a-z0-9]{0,14}[a-z0-9])?$/);

/** The controller's environment when it runs functions in a Kubernetes cluster; see docs/architecture.md. */
export const ClusterConfig = z.object({
  ...healthEnvironment,
  WHERRY_DATABASE_URL_FILE: path,
  WHERRY_SEALING_KEY_FILE: path,
  WHERRY_IDLE_SECONDS: z.coerce.number().int().min(1).optional(),
  /** From the first sight of a release until all of it must be healthy; images are pulled in it. */
  WHERRY_RELEASE_SECONDS: z.coerce.number().int().min(10).max(3600).default(180),
  /** Unique among controllers, such as the pod's name. */
  WHERRY_CONTROLLER_ID: z.string().min(1),
  /** The chart's release; the chart refuses longer ones, whose objects' names would not fit. */
  WHERRY_RELEASE: z.string().regex(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/),
  WHERRY_NAMESPACE_PREFIX: prefix.default('wherry'),
  WHERRY_PLATFORM_NAMESPACE: z.string().min(1),
  /** As it begins the names of images. */
  WHERRY_REGISTRY: RegistryPlace,
  WHERRY_REGISTRY_PLAIN_HTTP: z.stringbool().default(false),
  WHERRY_REGISTRY_SERVICE: z.string().min(1).default('wherry-registry'),
  /** One of them: the key that credentials of the chart's registry are issued with, or the login for another one. */
  WHERRY_REGISTRY_KEY_FILE: path.optional(),
  WHERRY_REGISTRY_PULL_SECRET_FILE: path.optional(),
  /** Of the chart's registry; on its host, port 5001, when it is not set. */
  WHERRY_REGISTRY_TOKEN_URL: z.url().optional(),
  /** The build CA: PEM files. */
  WHERRY_BUILD_CA_FILE: path,
  WHERRY_BUILD_CA_KEY_FILE: path,
  /** The only images in builds' namespaces and in the probe's; better by digest. The probe's has `node`. */
  WHERRY_BUILDKIT_IMAGE: z.string().min(1),
  WHERRY_PROBE_IMAGE: z.string().min(1),
  WHERRY_EGRESS_PROXY: z.url().optional(),
  /** JSON: what differs from the usual settings of functions' namespaces, and of builds' ones. */
  WHERRY_TENANCY_FILE: path.optional(),
  WHERRY_BUILDS_FILE: path.optional(),
  /** Outside a cluster; inside, the pod's own credentials are used. */
  WHERRY_KUBECONFIG: path.optional(),
});
export type ClusterConfig = Readonly<z.infer<typeof ClusterConfig>>;
