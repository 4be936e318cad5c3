import { Box } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './status.module.css';

/** good: as it should be. busy: on its way. bad: needs a person. quiet: nothing to do. */
export type Tone = 'good' | 'busy' | 'bad' | 'quiet';

/** A state in words, with a dot in its colour: never the colour alone. */
export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <Box component="span" className={classes.status} data-tone={tone}>
      <span className={classes.dot} aria-hidden="true" />
      {children}
    </Box>
  );
}
