import type { BuildOrder } from '@wherry/contract';
import { expect, it } from 'vitest';
import { languagesOf } from './dockerfile-language';

it('Dockerfiles and callers are for where images are built, and elsewhere it is told where that is', () => {
  const order = (buildkit?: object) => ({ buildkit }) as BuildOrder;
  expect(languagesOf(order({}), ['node'])).toEqual({ languages: ['node', 'dockerfile'] });
  expect(languagesOf(order(), ['node'])).toMatchObject({
    languages: ['node'],
    languagesElsewhere: { dockerfile: expect.stringMatching(/Kubernetes.*node/) },
    callersElsewhere: expect.stringMatching(/only where Wherry runs on Kubernetes.*public address/),
  });
});
