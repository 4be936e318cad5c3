import { randomBytes } from 'node:crypto';
import { describeEngine } from '../engine-contract';
import { ClusterFixture } from './testing/cluster-fixture';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
const isThere = kubeconfig !== undefined && registry !== undefined;
const missing = isThere ? null : 'Needs a cluster and a registry: npm run testcluster -- up';
const prepare = () =>
  ClusterFixture.prepare({
    ...{ kubeconfig: kubeconfig!, registry: registry!, isRemote: WHERRY_TEST_OWN_CLUSTER !== '1' },
    prefix: `wt${randomBytes(4).toString('hex')}`,
  });

describeEngine('Kubernetes', prepare, missing);
