import { Stack } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { PageHeader } from '../components/page-header';
import { EnvironmentChoice, production } from '../modules/previews/environment-choice';
import { Secrets } from '../modules/settings/secrets';
import { Variables } from '../modules/settings/variables';

/** What functions and builds are given beside their code, in production or in a preview. */
export function Settings() {
  const { environment = production } = useSearch({ from: '/console/t/$tenant/settings' });
  const navigate = useNavigate({ from: '/t/$tenant/settings' });
  return (
    // Each environment has its own: no dialog may stay open from one to another.
    <Stack gap={36} key={environment}>
      <PageHeader
        title="Secrets and variables"
        description="What functions and builds are given beside their code. Each preview has its own."
        actions={
          <EnvironmentChoice
            environment={environment}
            onChange={(chosen) => navigate({ search: chosen && chosen !== production ? { environment: chosen } : {} })}
          />
        }
      />
      <Secrets environment={environment} />
      <Variables
        environment={environment}
        kind="runtime"
        title="Environment variables"
        description="Functions see these; what their stack.yml sets goes before them."
        none="No environment variables yet"
      />
      <Variables
        environment={environment}
        kind="build"
        title="Build variables"
        description="stack.yml may use these as ${NAME}; nothing else of the platform's environment is seen there."
        none="No build variables yet"
      />
    </Stack>
  );
}
