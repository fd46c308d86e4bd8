import type { ReactNode } from 'react';
import { Field } from './field.tsx';

interface SelectFieldProps<Value extends string> {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  value: Value;
  /** What can be chosen, each with how it is called. */
  options: readonly (readonly [value: Value, label: string])[];
  onChange: (value: Value) => void;
}

export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, hint, error, value, options, onChange } = props;
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <select {...control} value={value} onChange={({ target }) => onChange(target.value as Value)}>
          {options.map(([option, name]) => (
            <option key={option} value={option}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
