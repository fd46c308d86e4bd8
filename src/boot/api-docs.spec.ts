import 'reflect-metadata';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { appModule } from '../../test/support/app-module.js';
import { CreateApiKeyDto } from '../auth/api-keys/api-key.dto.js';
import { CreateProjectDto, UpdateProjectDto } from '../auth/projects/project.dto.js';
import { AcceptInvitationDto } from '../auth/invitations/invitation.dto.js';
import { PutMemberDto } from '../auth/members/member.dto.js';
import { SignInDto } from '../auth/sessions/session.dto.js';
import { SessionByLinkDto, SessionByTokenDto } from '../auth/session-links/session-link.dto.js';
import { CreateUserDto, UpdateUserDto } from '../auth/users/user.dto.js';
import { CreateContainerDto } from '../containers/dto/create-container.dto.js';
import { UpdateContainerDto } from '../containers/dto/update-container.dto.js';
import { CreateCredentialDto } from '../credentials/credential.dto.js';
import { UpdateEgressDto } from '../egress/egress.dto.js';
import { ExecDto } from '../exec/dto/exec.dto.js';
import { AnswerPermissionDto } from '../instructions/api/dto/answer-permission.dto.js';
import { CreateInstructionDto } from '../instructions/api/dto/create-instruction.dto.js';
import { ForkContainerDto } from '../instructions/api/dto/fork-container.dto.js';
import { describeApi } from './api-docs.js';

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  format?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  description?: string;
  properties?: Record<string, Schema>;
}

interface Operation {
  parameters?: { name: string; in: string; description?: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema; examples?: Record<string, { value: object }> }> };
  responses: Record<string, { $ref?: string; description?: string; content?: object }>;
  security?: object[];
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, { content: Record<string, { schema: Schema }> }>;
  };
}

/** Add the class of a new body here. */
const BODIES: Record<string, new () => object> = {
  CreateApiKeyDto,
  CreateCredentialDto,
  CreateProjectDto,
  UpdateProjectDto,
  PutMemberDto,
  CreateUserDto,
  UpdateUserDto,
  SignInDto,
  AcceptInvitationDto,
  CreateContainerDto,
  UpdateContainerDto,
  UpdateEgressDto,
  ExecDto,
  CreateInstructionDto,
  ForkContainerDto,
  AnswerPermissionDto,
  SessionByTokenDto,
  SessionByLinkDto,
};

describe('the API document', () => {
  let document: Document;
  const operations = (): [string, Operation][] =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );
  /** The error codes of a route by their status. */
  const errorsOf = (route: string): Record<string, string[]> => {
    const [method, path] = route.split(' ') as [string, string];
    const { responses } = document.paths[path]![method.toLowerCase()]!;
    return Object.fromEntries(
      Object.entries(responses)
        .filter(([status]) => Number(status) >= 400)
        .map(([status, { $ref }]) => {
          const { schema } =
            document.components.responses[$ref!.split('/').at(-1)!]!.content['application/problem+json']!;
          return [status, schema.properties!['code']!.enum!];
        }),
    );
  };

  beforeAll(async () => {
    document = (await describeApi(await appModule())) as unknown as Document;
  }, 60_000);

  it('lists the errors of a route, its own and those of its form, by status', () => {
    expect(errorsOf('POST /api/containers/{id}/exec')).toEqual({
      400: ['validation_failed', 'malformed_body'],
      401: ['unauthorized'],
      403: ['csrf_token_invalid', 'forbidden'],
      404: ['container_not_found'],
      409: ['ambiguous_name', 'invalid_state', 'image_outdated'],
      408: ['request_timeout'],
      413: ['payload_too_large'],
      415: ['unsupported_media_type'],
      429: ['rate_limited', 'too_many_requests'],
      500: ['internal_error'],
      502: ['engine_error', 'output_limit_exceeded', 'workspace_tool_failed'],
      503: ['engine_unavailable', 'database_unavailable', 'shutting_down'],
      507: ['out_of_disk'],
    });
    expect(errorsOf('GET /api/jobs/{id}')).toMatchObject({ 404: ['job_not_found'] });
    expect(errorsOf('PUT /api/containers/{id}/files')).toMatchObject({
      412: ['precondition_failed'],
      507: ['out_of_disk', 'disk_full'],
    });
  });

  it('gives every route errors, and none to probes', () => {
    for (const [route, { security, responses }] of operations()) {
      const isProbe = route.startsWith('GET /health');
      expect({ route, has500: '500' in responses, has401: '401' in responses }).toEqual({
        route,
        has500: !isProbe,
        has401: security !== undefined || route.startsWith('POST /api/sessions'),
      });
    }
  });

  it('describes every parameter, every response, and every property of a body', () => {
    const bare: string[] = [];
    for (const [route, { parameters = [], requestBody, responses }] of operations()) {
      for (const { name, description = '' } of parameters) if (description === '') bare.push(`${route} ${name}`);
      for (const [status, { $ref, description = '' }] of Object.entries(responses))
        if ($ref === undefined && description === '') bare.push(`${route} ${status}`);
      const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
      for (const [name, { description = '' }] of Object.entries(
        document.components.schemas[reference ?? '']?.properties ?? {},
      ))
        if (description === '') bare.push(`${route} body ${name}`);
    }
    expect(bare).toEqual([]);
  });

  it('says the limits of every number that a client may send', () => {
    const unlimited: string[] = [];
    const isNumber = ({ type }: Schema): boolean => type === 'integer' || type === 'number';
    const check = (name: string, schema: Schema): void => {
      if (isNumber(schema) && (schema.minimum === undefined || schema.maximum === undefined)) unlimited.push(name);
    };
    for (const [route, { parameters = [], requestBody }] of operations()) {
      for (const { name, schema } of parameters) check(`${route} ${name}`, schema);
      const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
      for (const [name, schema] of Object.entries(document.components.schemas[reference ?? '']?.properties ?? {}))
        check(`${route} body ${name}`, schema);
    }
    expect(unlimited).toEqual([]);
  });

  it('has for every JSON body examples that are valid as they are', async () => {
    for (const [route, { requestBody }] of operations()) {
      const body = requestBody?.content['application/json'];
      if (body === undefined) continue;
      const dto = BODIES[body.schema.$ref!.split('/').at(-1)!];
      const examples = Object.values(body.examples ?? {});
      expect({ route, hasExamples: examples.length > 0, isChecked: dto !== undefined }).toEqual({
        route,
        hasExamples: true,
        isChecked: true,
      });
      for (const { value } of examples)
        await expect(
          validate(plainToInstance(dto!, value), { whitelist: true, forbidNonWhitelisted: true }),
        ).resolves.toEqual([]);
    }
  });
});
