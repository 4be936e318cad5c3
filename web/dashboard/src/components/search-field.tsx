import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useState, type ReactNode } from 'react';

type Props = Readonly<{
  label: string;
  value: string;
  icon?: ReactNode;
  placeholder?: string;
  onChange: (value: string) => void;
}>;

/** A field that searches when its writer rests for a moment. */
export function SearchField({ label, value, icon, placeholder, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const search = useDebouncedCallback(onChange, 350);
  // What is chosen elsewhere, such as a call in the log, shows here too.
  useEffect(() => setTyped(value), [value]);
  return (
    <TextInput
      label={label}
      placeholder={placeholder}
      w={180}
      flex="1 1 150px"
      maw={260}
      value={typed}
      maxLength={200}
      leftSection={icon}
      spellCheck={false}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        search(event.currentTarget.value);
      }}
    />
  );
}
