import { useState } from 'react';
import { InputField } from '../ui/input-field.tsx';
import { CredentialForm } from './credential-form.tsx';
import { useSignIn } from './use-sign-in.ts';

export function PasswordForm() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useSignIn();
  const submit = (): void => signIn.mutate({ by: 'password', email, password }, { onError: () => setPassword('') });
  return (
    <CredentialForm error={signIn.error} isPending={signIn.isPending} onSubmit={submit}>
      <InputField label="Email" type="email" autoComplete="username" required value={email} onChange={setEmail} />
      <InputField
        label="Password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={setPassword}
      />
    </CredentialForm>
  );
}
