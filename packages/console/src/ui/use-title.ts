import { useEffect } from 'react';

let title = '';
let count = 0;

function show(): void {
  document.title = [count > 0 && `(${count})`, title, title !== '' && '·', 'DevForge'].filter(Boolean).join(' ');
}

export function useTitle(next: string): void {
  useEffect(() => {
    title = next;
    show();
  }, [next]);
}

/** How much waits for the person; 0 is not shown. */
export function setTitleCount(next: number): void {
  count = next;
  show();
}
