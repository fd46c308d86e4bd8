import { useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { isUnreachable, messageOf } from '../api/api-error.ts';
import { useSessionQuery } from '../session/use-session.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { useSignIn } from './use-sign-in.ts';

/**
 * Uses the secret of a single-use link up, and removes it from the address at once. Somebody who is signed in is asked first: the
 * link may be that of another person, who wants to be worked for.
 */
export function WelcomePage() {
  const { mutate, error, isIdle } = useSignIn();
  const { data: me, error: unknown, refetch } = useSessionQuery();
  const navigate = useNavigate();
  const [secret] = useState(() => location.hash.slice(1));
  const isUsed = useRef(false);

  useEffect(() => {
    history.replaceState(history.state, '', location.pathname);
  }, []);

  const leave = useCallback(() => void navigate({ to: '/', replace: true }), [navigate]);
  const redeem = useCallback(() => mutate({ by: 'link', secret }, { onSuccess: leave }), [leave, mutate, secret]);

  useEffect(() => {
    if (secret === '') leave();
    else if (me === null && !isUsed.current) {
      isUsed.current = true;
      redeem();
    }
  }, [leave, me, redeem, secret]);

  if (error !== null)
    return (
      <Page
        title={isUnreachable(error) ? 'You could not be signed in' : 'This link does not work'}
        text={messageOf(error)}
        actions={
          <>
            {isUnreachable(error) && (
              <Button look="primary" onClick={redeem}>
                Try again
              </Button>
            )}
            <a className={buttonClass({ look: isUnreachable(error) ? 'plain' : 'primary' })} href="/">
              Sign in another way
            </a>
          </>
        }
      />
    );
  if (isIdle && me !== undefined && me !== null && secret !== '')
    return (
      <Page
        title={`You are signed in as ${me.name}`}
        text="This link signs this browser in as the person who made it, and signs you out. Use it only if you asked for it."
        actions={
          <>
            <Button look="primary" onClick={leave}>
              Stay {me.name}
            </Button>
            <Button onClick={redeem}>Sign in with the link</Button>
          </>
        }
      />
    );
  if (me === undefined && unknown !== null) return <Failure error={unknown} onRetry={() => void refetch()} />;
  return <Loading label="Signing in" />;
}

function Page(content: Parameters<typeof Empty>[0]) {
  return (
    <main style={{ display: 'flex', flex: 1 }}>
      <Empty {...content} />
    </main>
  );
}
