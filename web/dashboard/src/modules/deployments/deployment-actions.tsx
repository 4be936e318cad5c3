import { Alert, Button, List, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconHistory, IconPin, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { Confirm } from '../../components/confirm';
import { countOf, shortSha, subjectOf } from '../../components/format';
import { reasonOf } from '../../components/states';
import { useTenant } from '../session/session';
import { isMoving, isUnderWay, useCancel, useResume, useRollback, type DeploymentDetail } from './deployment-queries';

/** What one may do with a deployment as it is now. */
export function DeploymentActions({ deployment }: { deployment: DeploymentDetail }) {
  const { can } = useTenant();
  if (!can('developer')) return null;
  if (isUnderWay(deployment.status)) return <Cancel deployment={deployment} />;
  if (isMoving(deployment)) {
    return (
      <Button disabled leftSection={<IconHistory size={14} />}>
        Rolling back
      </Button>
    );
  }
  return deployment.rollback.isPossible ? <Rollback deployment={deployment} /> : null;
}

function Cancel({ deployment: { id, isCancelRequested } }: { deployment: DeploymentDetail }) {
  const { slug } = useTenant();
  const cancel = useCancel(slug, id);
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" leftSection={<IconX size={14} />} disabled={isCancelRequested} onClick={open}>
        {isCancelRequested ? 'Cancelling' : 'Cancel'}
      </Button>
      <Confirm
        isOpen={isOpen}
        onClose={close}
        title="Cancel this deployment?"
        action="Cancel the deployment"
        isDangerous
        isPending={cancel.isPending}
        error={cancel.error}
        onConfirm={() => cancel.mutate(undefined, { onSuccess: close })}
      >
        <Text size="sm">What it builds is thrown away. What serves now goes on serving.</Text>
      </Confirm>
    </>
  );
}

function Rollback({ deployment }: { deployment: DeploymentDetail }) {
  const { slug } = useTenant();
  const { id, commitSha, commitMessage, functions, repository } = deployment;
  const rollback = useRollback(slug, id);
  const [isOpen, { open, close }] = useDisclosure();
  const confirm = () =>
    rollback.mutate(undefined, {
      onSuccess: () => {
        close();
        notifications.show({ title: 'Rolling back', message: `${repository} goes back to ${shortSha(commitSha)}.` });
      },
    });
  return (
    <>
      <Button leftSection={<IconHistory size={14} />} onClick={open}>
        Roll back to this
      </Button>
      <Confirm
        isOpen={isOpen}
        onClose={close}
        title={`Roll back ${repository}?`}
        action="Roll back"
        isPending={rollback.isPending}
        error={rollback.error}
        onConfirm={confirm}
      >
        <Text size="sm">
          {`“${subjectOf(commitMessage)}” serves again, without being built again. `}
          Production is then held there: pushes are still built, and go live only after you resume.
        </Text>
        <Text size="sm" mt="sm">
          {`${countOf(functions.length, 'function')}:`}
        </Text>
        <List size="sm" mt={4}>
          {functions.map(({ name, revision }) => (
            <List.Item key={name}>
              {name}
              {revision && ` at revision ${revision.number}`}
            </List.Item>
          ))}
        </List>
      </Confirm>
    </>
  );
}

/** Says that production is held at a deployment, and lets go of it. */
export function HeldHere({ repository }: { repository: string }) {
  const { can } = useTenant();
  return (
    <Alert color="yellow" icon={<IconPin size={18} />} title="Production is held at this deployment">
      <Text size="sm" mb={can('developer') ? 'sm' : 0}>
        Somebody rolled back to it. Pushes are built but do not go live until production is resumed.
      </Text>
      {can('developer') && <ResumeButton repository={repository} />}
    </Alert>
  );
}

export function ResumeButton({ repository }: { repository: string }) {
  const { slug } = useTenant();
  const resume = useResume(slug, repository);
  const start = () =>
    resume.mutate(undefined, {
      onSuccess: () =>
        notifications.show({ title: 'Resumed', message: `The newest commit of ${repository} is being deployed.` }),
      onError: (error) =>
        notifications.show({ color: 'red', title: 'Production was not resumed', message: reasonOf(error) }),
    });
  return (
    <Button variant="default" leftSection={<IconPlayerPlay size={14} />} loading={resume.isPending} onClick={start}>
      Resume with the newest commit
    </Button>
  );
}
