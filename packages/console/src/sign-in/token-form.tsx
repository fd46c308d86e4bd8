import { useState } from 'react';
import { InputField } from '../ui/input-field.tsx';
import { CredentialForm } from './credential-form.tsx';
import { useSignIn } from './use-sign-in.ts';

export function TokenForm() {
  const [token, setToken] = useState('');
  const signIn = useSignIn();
  const submit = (): void => signIn.mutate({ by: 'token', token }, { onError: () => setToken('') });
  return (
    <CredentialForm error={signIn.error} isPending={signIn.isPending} onSubmit={submit}>
      <InputField
        label="Token"
        hint="The administrator token, which is in DATA_DIR/admin-token, or an API key. It is exchanged for a session and not kept."
        type="password"
        autoComplete="off"
        required
        value={token}
        onChange={setToken}
      />
    </CredentialForm>
  );
}
