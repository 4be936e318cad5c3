import { Stack } from '@mantine/core';
import { PageHeader } from '../components/page-header';
import { PlaceChoice } from '../modules/previews/environment-choice';
import { usePlace } from '../modules/session/place';
import { Secrets } from '../modules/settings/secrets';
import { Variables } from '../modules/settings/variables';

/** What functions and builds are given beside their code, in production or in a preview. */
export function Settings() {
  const { environment } = usePlace();
  return (
    // Each environment has its own: no dialog may stay open from one to another.
    <Stack gap={36} key={environment}>
      <PageHeader
        title="Secrets and variables"
        description="What functions and builds are given beside their code. Each preview has its own."
        actions={<PlaceChoice />}
      />
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
