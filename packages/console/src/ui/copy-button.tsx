import { useState } from 'react';
import { Button } from './button.tsx';
import { CheckIcon, CopyIcon } from './icons.tsx';
import { showFailure } from './toasts.tsx';

const SHOWN_MS = 1_500;

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setIsCopied(true);
      setTimeout(() => setIsCopied(false), SHOWN_MS);
    } catch (error) {
      showFailure('Copying failed', error);
    }
  };
  return (
    <Button onClick={() => void copy()}>
      {isCopied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
      {isCopied ? 'Copied' : label}
    </Button>
  );
}
