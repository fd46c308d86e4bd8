import { Tabs } from '@base-ui/react/tabs';
import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { Logo } from '../app/logo.tsx';
import { buttonClass } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { PasswordForm } from './password-form.tsx';
import { TokenForm } from './token-form.tsx';
import styles from './sign-in.module.css';

/** Shown at whatever address the person wanted, which then appears. */
export function SignInPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['sign-in-options'],
    queryFn: () => must(api.GET('/api/auth/options')),
    staleTime: Infinity,
  });
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <div className={styles.head}>
          <Logo size={26} />
          <h1>Sign in to DevForge</h1>
        </div>
        {data === undefined && error === null && <Loading />}
        {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
        {data !== undefined && !data.enabled && <NotEnabled />}
        {data !== undefined && data.enabled && !data.available && <Elsewhere url={data.url} />}
        {data?.available === true && <Ways provider={data.provider} />}
      </div>
    </main>
  );
}

function Ways({ provider }: { provider: { name: string; url: string } | null }) {
  const returnTo = new URLSearchParams({ returnTo: location.pathname + location.search }).toString();
  return (
    <>
      {provider !== null && (
        <>
          <a className={buttonClass({ look: 'primary', isLarge: true })} href={`${provider.url}?${returnTo}`}>
            Sign in with {provider.name}
          </a>
          <span className={styles.or}>or</span>
        </>
      )}
      <Tabs.Root defaultValue="password" className={styles.form}>
        <Tabs.List className={styles.tabs} aria-label="Sign in with">
          <Tabs.Tab value="password" className={styles.tab}>
            Password
          </Tabs.Tab>
          <Tabs.Tab value="token" className={styles.tab}>
            Token
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="password">
          <PasswordForm />
        </Tabs.Panel>
        <Tabs.Panel value="token">
          <TokenForm />
        </Tabs.Panel>
      </Tabs.Root>
    </>
  );
}

function Elsewhere({ url }: { url: string }) {
  return (
    <p className={styles.note}>
      Sign in at <a href={url + location.pathname}>{url}</a>, the address of this DevForge.
    </p>
  );
}

function NotEnabled() {
  return (
    <p className={styles.note}>
      The console needs <code>EDITOR_DOMAIN</code>: with it, VS Code and ports have origins of their own, and their
      pages cannot act for you here. The <a href="/docs">API</a> can be used without.
    </p>
  );
}
