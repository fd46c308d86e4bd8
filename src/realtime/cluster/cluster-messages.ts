/** Messages between the Socket.io servers of the replicas. */
export interface ClusterMessages {
  'domain:event': (wireName: string, payload: object) => void;
}
