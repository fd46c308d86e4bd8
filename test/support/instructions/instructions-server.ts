import { ok } from '../api/client.js';
import type { DevForgeOptions } from '../api/devforge-process.js';
import type { Container, CreateContainer } from '../api/types.js';
import { ensureImages } from '../e2e/images.js';
import { uniqueName } from '../e2e/names.js';
import { startTestServer, type TestServer } from '../e2e/server.js';
import { dockerBridgeAddress } from '../git/addresses.js';
import { type MessagesApi, startMessagesApi } from '../messages-api/messages-api.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';
import { InstructionsClient } from './instructions-client.js';

export interface Workspace {
  container: Container;
  /** The model that only this container uses. */
  model: ScriptedModel;
}

/** A server under test, with the scripted API that the agents in its containers use. */
export interface InstructionsServer extends TestServer {
  readonly model: MessagesApi;
  readonly instructions: InstructionsClient;
  /** Creates a running container with its own model. */
  workspace(body?: Partial<CreateContainer>): Promise<Workspace>;
}

export async function startInstructionsServer(
  env: Record<string, string> = {},
  options: DevForgeOptions = {},
): Promise<InstructionsServer> {
  const model = await startMessagesApi();
  try {
    // The model's address is a private one.
    const privateHost = (await dockerBridgeAddress()) ?? '127.0.0.1';
    const server = await startTestServer({ EGRESS_PRIVATE_HOSTS: privateHost, ...env }, options);
    const dispose = async (): Promise<void> => {
      await server.dispose();
      await model.close();
    };
    try {
      await ensureImages(server, 'claude');
    } catch (error) {
      await dispose();
      throw error;
    }
    const workspace = async (body: Partial<CreateContainer> = {}): Promise<Workspace> => {
      const name = body.name ?? uniqueName('agent');
      const scripted = model.model(name);
      const request = {
        name,
        template: 'claude' as const,
        mode: 'autonomous' as const,
        cpuLimit: 2,
        memoryLimit: 1024,
        ...body,
        env: { ...scripted.env, ...body.env },
      };
      const { id } = ok(await server.api.create(request));
      return { container: await server.api.waitForStatus(id, 'running'), model: scripted };
    };
    return {
      ...server,
      model,
      instructions: new InstructionsClient(server.api, server.devforge.token),
      workspace,
      dispose,
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}
