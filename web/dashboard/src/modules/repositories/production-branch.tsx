import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconGitBranch } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { unwrap } from '@wherry/api-client';
import { reasonOf } from '../../components/states';
import { api } from '../api';
import { useTenant } from '../session/session';

type Props = Readonly<{ repository: string; current: string }>;

/** Chooses which branch is deployed: its newest commit at once, and later pushes to it. */
export function ProductionBranch(props: Props) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconGitBranch size={14} />}
        onClick={open}
        aria-label={`Change the production branch of ${props.repository}`}
      >
        Branch
      </Button>
      {isOpen && <BranchForm {...props} onClose={close} />}
    </>
  );
}

function BranchForm({ repository, current, onClose }: Props & { onClose: () => void }) {
  const { slug } = useTenant();
  const queries = useQueryClient();
  const [branch, setBranch] = useState(current);
  const change = useMutation({
    mutationFn: (name: string) =>
      unwrap(
        api.PUT('/v1/tenants/{tenant}/repositories/{repository}/production-branch', {
          params: { path: { tenant: slug, repository } },
          body: { branch: name },
        }),
      ),
    onSuccess: async () => {
      notifications.show({
        title: 'Production branch changed',
        message: `${repository} deploys ${branch} from now on.`,
      });
      await queries.invalidateQueries({ queryKey: ['tenants', slug] });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(branch);
  };
  return (
    <Modal opened onClose={onClose} title={`Production branch of ${repository}`}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">The newest commit of the branch is deployed at once, and so is every later push to it.</Text>
          <TextInput
            label="Branch"
            required
            size="sm"
            value={branch}
            data-autofocus
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setBranch(event.currentTarget.value)}
          />
          {change.error && (
            <Alert color="red" role="alert">
              {reasonOf(change.error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isPending} disabled={branch === '' || branch === current}>
              Deploy this branch
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
