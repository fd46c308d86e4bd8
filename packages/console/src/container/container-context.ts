import { createContext, useContext } from 'react';
import type { Container } from '../api/types.ts';

export const ContainerContext = createContext<Container | null>(null);

/** The container of the page. */
export function useThisContainer(): Container {
  const container = useContext(ContainerContext);
  if (container === null) throw new Error('This is not the page of a container.');
  return container;
}
