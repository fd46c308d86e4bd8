import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client.ts';
import { Field } from '../../ui/field.tsx';
import { useThisContainer } from '../container-context.ts';
import { Section } from './section.tsx';
import styles from './settings.module.css';
import { useChange } from './use-change.ts';

const LIMITS = [
  ['cpuLimit', 'CPU, cores', 0.1],
  ['memoryLimit', 'Memory, MiB', 1],
  ['diskLimit', 'Disk, MiB', 1],
] as const;
const STOPS = [
  ['idleStopMinutes', 'Stop after minutes without use'],
  ['ttlMinutes', 'Stop after minutes in all'],
] as const;

type Name = (typeof LIMITS)[number][0] | (typeof STOPS)[number][0];

export function LimitsSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const [typed, setTyped] = useState<Partial<Record<Name, string>>>({});
  const { data: info } = useQuery({
    queryKey: ['info'],
    queryFn: () => must(api.GET('/api/info')),
    staleTime: Infinity,
  });
  const textOf = (name: Name): string => typed[name] ?? String(container[name] ?? '');
  const changed = (Object.keys(typed) as Name[]).filter((name) => textOf(name) !== String(container[name] ?? ''));
  const save = (): void => {
    const values = changed.map((name) => [name, typed[name] === '' ? null : Number(typed[name])]);
    change.mutate({ kind: 'container', body: Object.fromEntries(values) }, { onSuccess: () => setTyped({}) });
  };
  const input = (name: Name, label: string, rest: { step?: number; min?: number; max?: number; hint?: string }) => (
    <Field
      key={name}
      label={label}
      error={change.errors[name]}
      {...(rest.hint === undefined ? {} : { hint: rest.hint })}
    >
      {(control) => (
        <input
          {...control}
          type="number"
          step={rest.step ?? 1}
          min={rest.min}
          max={rest.max}
          value={textOf(name)}
          onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <Section
      title="Limits"
      mayChange={mayChange}
      isChanged={changed.length > 0}
      isPending={change.isPending}
      onSave={save}
    >
      <div className={styles.grid}>
        {LIMITS.map(([name, label, step]) => {
          const range = info?.limits[name];
          return input(name, label, { step, ...range, ...(range && { hint: `${range.min} to ${range.max}` }) });
        })}
        {STOPS.map(([name, label]) => input(name, label, { min: 1, hint: 'Empty for never' }))}
      </div>
    </Section>
  );
}
