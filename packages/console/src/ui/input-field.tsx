import type { InputHTMLAttributes, ReactNode } from 'react';
import { Field } from './field.tsx';

interface InputFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'id' | 'className' | 'onChange'> {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
}

/** One line that a person types, a number or a date. */
export function InputField({ label, hint, error, onChange, ...input }: InputFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <input spellCheck={false} {...input} {...control} onChange={({ target }) => onChange(target.value)} />
      )}
    </Field>
  );
}
