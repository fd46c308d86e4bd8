import { createContext, useContext } from 'react';
import type { Me } from '../api/types.ts';

export type Permission = Me['permissions'][number];

export const MeContext = createContext<Me | null>(null);

/** Who is signed in. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === null) throw new Error('Nobody is signed in.');
  return me;
}

/** Whether the person may do something in a project, or anywhere. */
export function may(me: Me, permission: Permission, projectId?: string): boolean {
  if (projectId === undefined || me.kind === 'administrator') return me.permissions.includes(permission);
  return me.projects.find(({ id }) => id === projectId)?.permissions.includes(permission) ?? false;
}

export function useMay(): (permission: Permission, projectId?: string) => boolean {
  const me = useMe();
  return (permission, projectId) => may(me, permission, projectId);
}

/** For somebody who is in several projects; null for others. */
export function useProjectName(id: string): string | null {
  const { projects } = useMe();
  return projects.length > 1 ? (projects.find((one) => one.id === id)?.name ?? null) : null;
}
