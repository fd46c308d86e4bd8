import { useState } from 'react';
import { Field } from '../ui/field.tsx';
import { CredentialForm } from './credential-form.tsx';
import { useSignIn } from './use-sign-in.ts';

export function PasswordForm() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useSignIn();
  const submit = (): void => signIn.mutate({ by: 'password', email, password }, { onError: () => setPassword('') });
  return (
    <CredentialForm error={signIn.error} isPending={signIn.isPending} onSubmit={submit}>
      <Field label="Email">
        {(control) => (
          <input
            {...control}
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password">
        {(control) => (
          <input
            {...control}
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
    </CredentialForm>
  );
}
