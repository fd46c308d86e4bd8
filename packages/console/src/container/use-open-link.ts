import { useMutation } from '@tanstack/react-query';
import { showFailure } from '../ui/toasts.tsx';

/** Opens a link that works once in a tab of its own. @param failure what is said when there is no link */
export function useOpenLink(failure: string) {
  const { mutate, isPending } = useMutation({
    mutationFn: async ({ read, tab }: { read: () => Promise<string>; tab: Window | null }) => {
      const url = await read();
      if (tab === null) location.assign(url);
      else tab.location.replace(url);
    },
    onError: (error, { tab }) => {
      tab?.close();
      showFailure(failure, error);
    },
  });
  return {
    isPending,
    // The tab is opened at the click: later it would be a pop-up, which browsers block.
    mutate: (read: () => Promise<string>): void => mutate({ read, tab: window.open('about:blank', '_blank') }),
  };
}
