import type { AdapterFactory, AdapterPayload } from 'oidc-provider';

/** Where a provider keeps its sessions, grants and codes: in memory. */
export function memoryAdapter(): AdapterFactory {
  const stored = new Map<string, AdapterPayload>();
  return (model) => {
    const keyOf = (id: string): string => `${model}:${id}`;
    const findBy = async (property: 'uid' | 'userCode', value: string) =>
      [...stored].find(([key, payload]) => key.startsWith(keyOf('')) && payload[property] === value)?.[1];
    return {
      upsert: async (id, payload) => void stored.set(keyOf(id), payload),
      find: async (id) => stored.get(keyOf(id)),
      findByUid: (uid) => findBy('uid', uid),
      findByUserCode: (userCode) => findBy('userCode', userCode),
      consume: async (id) => void Object.assign(stored.get(keyOf(id))!, { consumed: Math.floor(Date.now() / 1_000) }),
      destroy: async (id) => void stored.delete(keyOf(id)),
      revokeByGrantId: async (grantId) => {
        for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
      },
    };
  };
}
