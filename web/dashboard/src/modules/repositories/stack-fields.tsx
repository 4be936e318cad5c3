import { Button, Fieldset, Stack, TextInput, Textarea } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { changeRoot, withRoot, withoutRoot, type RootDraft, type SettingsDraft } from './settings-draft';

/** The console takes no more. */
const mostRoots = 20;

type Props = Readonly<{
  draft: SettingsDraft;
  onChange: (draft: SettingsDraft) => void;
  isDisabled: boolean;
  /** What is wrong at a place in the settings. */
  errorAt: (place: string) => string | undefined;
}>;

/** The folders that are deployed, each with the changes that it is deployed for. */
export function StackFields({ draft, onChange, isDisabled, errorAt }: Props) {
  return (
    <Stack gap="sm">
      {draft.roots.map((root, index) => (
        <RootFields
          key={root.key}
          root={root}
          number={index + 1}
          isDisabled={isDisabled}
          errorAt={(field) => errorAt(`/roots/${index}/${field}`)}
          onChange={(change) => onChange(changeRoot(draft, root.key, change))}
          onRemove={draft.roots.length > 1 && !isDisabled ? () => onChange(withoutRoot(draft, root.key)) : null}
        />
      ))}
      {!isDisabled && draft.roots.length < mostRoots && (
        <Button
          variant="default"
          w="fit-content"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange(withRoot(draft))}
        >
          Add a folder
        </Button>
      )}
    </Stack>
  );
}

type RootProps = Readonly<{
  root: RootDraft;
  number: number;
  isDisabled: boolean;
  errorAt: (field: 'dir' | 'paths') => string | undefined;
  onChange: (change: Partial<RootDraft>) => void;
  onRemove: (() => void) | null;
}>;

function RootFields({ root, number, isDisabled, errorAt, onChange, onRemove }: RootProps) {
  const font = { input: { fontFamily: 'var(--mantine-font-family-monospace)' } };
  return (
    <Fieldset legend={`Folder ${number}`} p="sm">
      <Stack gap="sm">
        <TextInput
          label="Folder"
          description="Relative to the repository; a dot is the repository itself."
          required
          value={root.dir}
          disabled={isDisabled}
          error={errorAt('dir')}
          spellCheck={false}
          autoComplete="off"
          styles={font}
          onChange={(event) => onChange({ dir: event.currentTarget.value })}
        />
        <Textarea
          label="Only when these change"
          description="A pattern on each line, as in .gitignore and relative to the repository. None: with every commit."
          size="xs"
          autosize
          minRows={2}
          maxRows={10}
          value={root.paths}
          disabled={isDisabled}
          error={errorAt('paths')}
          spellCheck={false}
          autoComplete="off"
          styles={font}
          onChange={(event) => onChange({ paths: event.currentTarget.value })}
        />
        {onRemove && (
          <Button
            variant="default"
            size="compact-xs"
            w="fit-content"
            aria-label={`Remove this folder: ${number}`}
            onClick={onRemove}
          >
            Remove this folder
          </Button>
        )}
      </Stack>
    </Fieldset>
  );
}
