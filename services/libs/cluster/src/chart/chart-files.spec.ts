import { expect, it } from 'vitest';
import { chartFiles } from './chart-files';

const folder = '../../../../../infra/helm/wherry/templates/generated';

it.each(Object.entries(chartFiles()))(
  'the chart has the %s that the library renders (vitest --update writes it)',
  async (name, text) => {
    await expect(text).toMatchFileSnapshot(`${folder}/${name}`);
  },
);
