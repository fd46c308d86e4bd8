import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import styles from './admin.module.css';

/** A secret that is shown once. */
export function SecretOnce({ text, secret, onClose }: { text: string; secret: string; onClose: () => void }) {
  return (
    <div className={styles.secret} role="status">
      <p>{text}</p>
      <code>{secret}</code>
      <div className={styles.row}>
        <CopyButton text={secret} />
        <Button look="quiet" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}
