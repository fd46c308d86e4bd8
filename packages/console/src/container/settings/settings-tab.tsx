import { useMay } from '../../session/me.ts';
import { useThisContainer } from '../container-context.ts';
import { CredentialsSection } from './credentials-section.tsx';
import { EgressSection } from './egress-section.tsx';
import { LimitsSection } from './limits-section.tsx';
import { ScheduleSection } from './schedule-section.tsx';
import styles from './settings.module.css';
import { SpendSection } from './spend-section.tsx';

/** What can be changed of a container that exists. */
export function SettingsTab() {
  const container = useThisContainer();
  const may = useMay();
  const mayChange = may('container:update', container.projectId);
  return (
    <div className={styles.page}>
      <LimitsSection key={`limits ${container.id}`} mayChange={mayChange} />
      <ScheduleSection key={`schedule ${container.id}`} mayChange={mayChange} />
      <EgressSection key={`egress ${container.id}`} mayChange={mayChange} />
      {may('credential:read', container.projectId) && (
        <CredentialsSection key={`secrets ${container.id}`} mayChange={mayChange} />
      )}
      <SpendSection key={`spend ${container.id}`} mayChange={mayChange} />
    </div>
  );
}
