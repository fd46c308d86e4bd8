import { useInfo } from '../api/use-info.ts';
import { InputField } from '../ui/input-field.tsx';

const LIMITS = [
  ['cpuLimit', 'CPU, cores', 0.1],
  ['memoryLimit', 'Memory, MiB', 1],
  ['diskLimit', 'Disk, MiB', 1],
] as const;

export type Limit = (typeof LIMITS)[number][0];

interface LimitFieldsProps {
  values: Record<Limit, string>;
  errors: Record<string, string>;
  set: (name: Limit, value: string) => void;
}

/** How much of the machine a container may use. */
export function LimitFields({ values, errors, set }: LimitFieldsProps) {
  const limits = useInfo()?.limits;
  return LIMITS.map(([name, label, step]) => {
    const range = limits?.[name];
    return (
      <InputField
        key={name}
        label={label}
        error={errors[name]}
        hint={range && `${range.min} to ${range.max}`}
        type="number"
        step={step}
        min={range?.min}
        max={range?.max}
        value={values[name]}
        onChange={(value) => set(name, value)}
      />
    );
  });
}
