import { Stack } from '@mantine/core';
import { PageHeader } from '../components/page-header';
import { Secrets } from '../modules/settings/secrets';
import { Variables } from '../modules/settings/variables';

/** What functions and builds are given beside their code. */
export function Settings() {
  return (
    <Stack gap={36}>
      <PageHeader title="Secrets and variables" description="What functions and builds are given beside their code." />
      <Secrets />
      <Variables
        kind="runtime"
        title="Environment variables"
        description="Functions see these; what their stack.yml sets goes before them."
        none="No environment variables yet"
      />
      <Variables
        kind="build"
        title="Build variables"
        description="stack.yml may use these as ${NAME}; nothing else of the platform's environment is seen there."
        none="No build variables yet"
      />
    </Stack>
  );
}
