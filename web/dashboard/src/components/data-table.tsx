import { Card, Table } from '@mantine/core';
import type { ReactNode } from 'react';

type Props = Readonly<{
  label: string;
  /** Names of the columns; one that starts with `#` holds numbers. Empty for a column of buttons. */
  columns: readonly string[];
  minWidth?: number;
  /** `Table.Tr` elements. */
  children: ReactNode;
}>;

/** A table that scrolls sideways on its own where the screen is narrow. */
export function DataTable({ label, columns, minWidth = 560, children }: Props) {
  return (
    <Card p={0}>
      <div tabIndex={0} role="group" aria-label={label} style={{ overflowX: 'auto' }}>
        <Table miw={minWidth} aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column, index) =>
                column === '' ? (
                  <Table.Td key={index} />
                ) : (
                  <Table.Th
                    key={column}
                    scope="col"
                    fz="xs"
                    fw={500}
                    c="dimmed"
                    ta={column.startsWith('#') ? 'right' : undefined}
                  >
                    {column.replace(/^#/, '')}
                  </Table.Th>
                ),
              )}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{children}</Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}
