import { Alert, Button, Card, Group, NumberInput, Radio, Stack, Switch, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent, type ReactNode } from 'react';
import { Section } from '../../components/section';
import { reasonOf } from '../../components/states';
import { fieldErrors } from '../field-errors';
import { useSaveSettings, type Repository, type RepositorySettings } from './repository-queries';
import { draftOf, settingsOf, type SettingsDraft } from './settings-draft';
import { StackFields } from './stack-fields';

type Change = (part: Partial<SettingsDraft>) => void;
type PartProps = Readonly<{
  draft: SettingsDraft;
  change: Change;
  isDisabled: boolean;
  /** What is wrong at a place in the settings. */
  errorAt: (place: string) => string | undefined;
}>;

/** Every place in the settings where a field shows what is wrong with it. */
const placesOf = ({ roots }: SettingsDraft): string[] => [
  '/previews/leaseDays',
  ...roots.flatMap((_, index) => [`/roots/${index}/dir`, `/roots/${index}/paths`]),
];

type Props = Readonly<{ repository: Repository; settings: RepositorySettings; isDisabled: boolean }>;

/** How a repository is deployed, to read and, for those who may, to change. Nothing is saved before the button. */
export function SettingsForm({ repository, settings, isDisabled }: Props) {
  const [draft, setDraft] = useState(() => draftOf(settings));
  const save = useSaveSettings(repository.name);
  const isChanged = JSON.stringify(settingsOf(draft)) !== JSON.stringify(settings);
  const errors = fieldErrors(save.error);
  const besides = errors.besides(placesOf(draft));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(settingsOf(draft), {
      onSuccess: ({ github }) => {
        if (github) setDraft(draftOf(github.settings));
        notifications.show({ title: 'Settings saved', message: `${repository.name} is deployed by them from now on.` });
      },
    });
  };
  const change: Change = (part) => {
    // What was found names folders by their place, so it says nothing any more when one comes or goes.
    if (part.roots && part.roots.length !== draft.roots.length) save.reset();
    setDraft((now) => ({ ...now, ...part }));
  };
  const part = { draft, change, isDisabled, errorAt: errors.at };
  return (
    <form onSubmit={submit} noValidate aria-label={`Settings of ${repository.name}`}>
      <Stack gap={28}>
        <Stacks {...part} />
        <Previews {...part} />
        <Feedback {...part} />
        {save.error && (
          <Alert color="red" role="alert" title="The settings were not saved">
            {!errors.isAny
              ? reasonOf(save.error)
              : besides.length === 0
                ? 'Correct the fields that are marked.'
                : besides.map((line) => <div key={line}>{line}</div>)}
          </Alert>
        )}
        {!isDisabled && (
          <Group gap="xs">
            <Button type="submit" loading={save.isPending} disabled={!isChanged}>
              Save the settings
            </Button>
            {isChanged && (
              <Button variant="default" onClick={() => (save.reset(), setDraft(draftOf(settings)))}>
                Discard the changes
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </form>
  );
}

function Stacks({ draft, change, isDisabled, errorAt }: PartProps) {
  return (
    <Section
      title="Stacks"
      description="The folders that are deployed, each with a stack.yml of its own. Each is built by itself."
    >
      <Card>
        <Stack gap="md">
          <StackFields draft={draft} onChange={change} isDisabled={isDisabled} errorAt={errorAt} />
          <Choice
            label="Wait for the other checks"
            description="A commit is deployed only when all its other checks on GitHub have succeeded."
            isChecked={draft.waitForChecks}
            isDisabled={isDisabled}
            onChange={(waitForChecks) => change({ waitForChecks })}
          />
        </Stack>
      </Card>
    </Section>
  );
}

function Previews({ draft, change, isDisabled, errorAt }: PartProps) {
  const { previews } = draft;
  const changePreviews = (part: Partial<typeof previews>) => change({ previews: { ...previews, ...part } });
  return (
    <Section
      title="Previews"
      description="Environments of their own for what is not merged yet. They end by themselves."
    >
      <Card>
        <Stack gap="md">
          <Choice
            label="For pull requests"
            description="Removed when the pull request is closed."
            isChecked={previews.pullRequests}
            isDisabled={isDisabled}
            onChange={(pullRequests) => changePreviews({ pullRequests })}
          />
          <Choice
            label="For other branches"
            description="Removed when the branch is deleted."
            isChecked={previews.branches}
            isDisabled={isDisabled}
            onChange={(branches) => changePreviews({ branches })}
          />
          <NumberInput
            label="Days until a preview ends"
            description="After the last push to it, 1 to 90."
            size="xs"
            maw={280}
            min={1}
            max={90}
            clampBehavior="none"
            allowDecimal={false}
            allowNegative={false}
            value={previews.leaseDays}
            disabled={isDisabled}
            error={errorAt('/previews/leaseDays')}
            onChange={(days) => changePreviews({ leaseDays: days === '' ? '' : Number(days) })}
          />
          <Choice
            label="Use the secrets and variables of production"
            description="Otherwise previews have only what is set for them. Code that was not reviewed yet can read what it is given."
            isChecked={previews.productionSecrets}
            isDisabled={isDisabled}
            onChange={(productionSecrets) => changePreviews({ productionSecrets })}
          />
          <Radio.Group
            label="Code from forks, and from people who may not write"
            value={previews.outsiders}
            onChange={(outsiders) => changePreviews({ outsiders: outsiders as typeof previews.outsiders })}
          >
            <Stack gap={8} mt={6}>
              <Radio
                size="xs"
                value="refused"
                disabled={isDisabled}
                label="Is not deployed"
                description="Until somebody who may write comments /deploy with the commit."
              />
              <Radio
                size="xs"
                value="isolated"
                disabled={isDisabled}
                label="Is deployed in isolation"
                description="No secrets, no cache, package registries only while it builds, and no way out when it runs."
              />
            </Stack>
          </Radio.Group>
        </Stack>
      </Card>
    </Section>
  );
}

const channels = [
  ['checks', 'Check runs', 'On the commit, with the log and the failing line.'],
  ['deployments', 'Deployments', 'On the repository, with the URL of each environment.'],
  ['comments', 'A comment', 'On each pull request, edited in place.'],
] as const;

function Feedback({ draft, change, isDisabled }: PartProps) {
  return (
    <Section title="What is told on GitHub">
      <Card>
        <Stack gap="md">
          {channels.map(([channel, label, description]) => (
            <Choice
              key={channel}
              label={label}
              description={description}
              isChecked={draft.feedback[channel]}
              isDisabled={isDisabled}
              onChange={(isOn) => change({ feedback: { ...draft.feedback, [channel]: isOn } })}
            />
          ))}
        </Stack>
      </Card>
    </Section>
  );
}

type ChoiceProps = Readonly<{
  label: string;
  description: ReactNode;
  isChecked: boolean;
  isDisabled: boolean;
  onChange: (isChecked: boolean) => void;
}>;

function Choice({ label, description, isChecked, isDisabled, onChange }: ChoiceProps) {
  return (
    <Switch
      size="xs"
      label={<Text span size="sm" children={label} />}
      description={description}
      checked={isChecked}
      disabled={isDisabled}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}
