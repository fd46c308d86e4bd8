import { useState } from 'react';
import { type Limit, LimitFields } from '../../new-container/limit-fields.tsx';
import { InputField } from '../../ui/input-field.tsx';
import { EditableSection, FieldGrid } from '../../ui/section.tsx';
import { useThisContainer } from '../container-context.ts';
import { useChange } from './use-change.ts';

const STOPS = [
  ['idleStopMinutes', 'Stop after minutes without use'],
  ['ttlMinutes', 'Stop after minutes in all'],
  ['waitingStopMinutes', 'Stop after minutes of waiting for a person'],
] as const;

type Name = Limit | (typeof STOPS)[number][0];

export function LimitsSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const [typed, setTyped] = useState<Partial<Record<Name, string>>>({});
  const textOf = (name: Name): string => typed[name] ?? String(container[name] ?? '');
  const changed = (Object.keys(typed) as Name[]).filter((name) => textOf(name) !== String(container[name] ?? ''));
  const set = (name: Name, value: string): void => setTyped({ ...typed, [name]: value });
  const save = (): void => {
    const values = changed.map((name) => [name, typed[name] === '' ? null : Number(typed[name])]);
    change.mutate({ kind: 'container', body: Object.fromEntries(values) }, { onSuccess: () => setTyped({}) });
  };
  const limits = {
    cpuLimit: textOf('cpuLimit'),
    memoryLimit: textOf('memoryLimit'),
    diskLimit: textOf('diskLimit'),
  };
  return (
    <EditableSection
      title="Limits"
      mayChange={mayChange}
      isChanged={changed.length > 0}
      isPending={change.isPending}
      onSave={save}
    >
      <FieldGrid>
        <LimitFields values={limits} errors={change.errors} set={set} />
        {STOPS.map(([name, label]) => (
          <InputField
            key={name}
            label={label}
            error={change.errors[name]}
            hint="Empty for never"
            type="number"
            min={1}
            value={textOf(name)}
            onChange={(value) => set(name, value)}
          />
        ))}
      </FieldGrid>
    </EditableSection>
  );
}
