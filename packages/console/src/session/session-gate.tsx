import { type ReactNode, useEffect } from 'react';
import { queryClient } from '../api/query-client.ts';
import { socket } from '../api/socket.ts';
import { SignInPage } from '../sign-in/sign-in-page.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { MeContext } from './me.ts';
import { useSessionQuery } from './use-session.ts';

/** Shows the console to a person who is signed in, and the sign-in page to others; the address stays. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { data: me, error, failureReason, refetch } = useSessionQuery();
  const isSignedIn = me !== undefined && me !== null;

  useEffect(() => {
    if (!isSignedIn) return;
    socket.connect();
    return () => {
      socket.disconnect();
    };
  }, [isSignedIn]);

  useEffect(() => {
    let isFirst = true;
    const refresh = (): void => {
      if (!isFirst) void queryClient.invalidateQueries();
      isFirst = false;
    };
    const ask = (): void => void refetch();
    socket.on('connect', refresh);
    socket.on('connect_error', ask);
    return () => {
      socket.off('connect', refresh);
      socket.off('connect_error', ask);
    };
  }, [refetch]);

  if (isSignedIn) return <MeContext value={me}>{children}</MeContext>;
  if (me === null) return <SignInPage />;
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  return <Loading label={failureReason === null ? 'Loading' : 'Waiting for DevForge'} />;
}
