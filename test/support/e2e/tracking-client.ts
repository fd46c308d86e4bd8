import { ApiClient, type ApiRequest, type ApiResponse } from '../api/client.js';

/** Remembers every container that was accepted, so that a test can take its traces away however it ends. */
export class TrackingClient extends ApiClient {
  readonly accepted = new Set<string>();

  override async request<T>(method: string, pathname: string, options: ApiRequest = {}): Promise<ApiResponse<T>> {
    const response = await super.request<T>(method, pathname, options);
    if (method === 'POST' && pathname === '/api/containers' && response.status < 300) {
      this.accepted.add((response.body as { id: string }).id);
    }
    return response;
  }
}
