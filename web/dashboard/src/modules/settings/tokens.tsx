import { Badge, Button, Group, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { Confirm } from '../../components/confirm';
import { DataTable } from '../../components/data-table';
import { TimeAgo } from '../../components/time-ago';
import { useTenant } from '../session/session';
import { revokeToken, useSettingChange, type Token } from './settings-queries';

/** Every token with what it may do; those that end nothing any more are shown dimmed. */
export function TokenTable({ tokens }: { tokens: readonly Token[] }) {
  const [chosen, setChosen] = useState<Token | null>(null);
  const [openedAt] = useState(() => Date.now());
  return (
    <>
      <DataTable label="Tokens" columns={['Name', 'May', 'Repository', 'Made', 'Last used', 'Ends', '']} minWidth={860}>
        {tokens.map((token) => (
          <TokenRow key={token.id} token={token} now={openedAt} onRevoke={() => setChosen(token)} />
        ))}
      </DataTable>
      {chosen && <Revoke token={chosen} onClose={() => setChosen(null)} />}
    </>
  );
}

type RowProps = Readonly<{ token: Token; now: number; onRevoke: () => void }>;

function TokenRow({ token, now, onRevoke }: RowProps) {
  const { name, scopes, repository, createdAt, createdBy, lastUsedAt, expiresAt, revokedAt } = token;
  const isOver = revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= now);
  return (
    <Table.Tr c={isOver ? 'dimmed' : undefined}>
      <Table.Td fw={isOver ? 400 : 600}>{name}</Table.Td>
      <Table.Td>
        <Group gap={4}>
          {scopes.map((scope) => (
            <Badge key={scope} color="gray" ff="monospace">
              {scope}
            </Badge>
          ))}
        </Group>
      </Table.Td>
      <Table.Td>{repository ?? 'All'}</Table.Td>
      <Table.Td>
        <TimeAgo at={createdAt} />
        {createdBy && (
          <Text size="xs" c="dimmed">
            {createdBy}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{lastUsedAt ? <TimeAgo at={lastUsedAt} /> : 'Never'}</Table.Td>
      <Table.Td>
        {revokedAt ? (
          <>
            Revoked <TimeAgo at={revokedAt} />
          </>
        ) : expiresAt ? (
          <TimeAgo at={expiresAt} />
        ) : (
          'When revoked'
        )}
      </Table.Td>
      <Table.Td ta="right">
        {!isOver && (
          <Button size="compact-xs" variant="default" aria-label={`Revoke ${name}`} onClick={onRevoke}>
            Revoke
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function Revoke({ token: { id, name }, onClose }: { token: Token; onClose: () => void }) {
  const { slug } = useTenant();
  const revoke = useSettingChange(slug, 'tokens', () => revokeToken(slug, id));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Revoke “${name}”?`}
      action="Revoke the token"
      isDangerous
      isPending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined, { onSuccess: onClose })}
    >
      <Text size="sm">Whatever uses it is refused from then on. It cannot be brought back.</Text>
    </Confirm>
  );
}
