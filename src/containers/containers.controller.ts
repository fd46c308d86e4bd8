import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ContainerChanges } from './lifecycle/container-changes.js';
import { ContainerLifecycleService } from './lifecycle/container-lifecycle.service.js';
import { ContainerView } from './container-view.js';
import { RebuildService } from './lifecycle/rebuild.service.js';
import { ContainerWaiter } from './lifecycle/container-waiter.js';
import { ContainersService } from './containers.service.js';
import { ContainerDto, ContainerPageDto } from './dto/container.dto.js';
import { CREATE_EXAMPLES, UPDATE_EXAMPLES } from './dto/create-container.examples.js';
import { CreateContainerDto } from './dto/create-container.dto.js';
import { UpdateContainerDto } from './dto/update-container.dto.js';
import { ListContainersQuery, RemoveContainerQuery } from './dto/list-containers.query.js';
import { ApiErrors, ENGINE_ERRORS } from '../http/api-errors.js';
import { clientSignal } from '../http/client-signal.js';
import { CountsAsCreate } from '../rate-limits/counts-as-create.js';
import { QueueDepthInterceptor } from './queue-depth.interceptor.js';
import { parseIdempotencyKey, preferredWaitSeconds } from '../http/request-preferences.js';

/** Long enough for a start that creates the container anew. */
const START_TIMEOUT_MS = 60_000;
const LOCATION = { Location: { description: 'Path of the container', schema: { type: 'string' } } } as const;

@ApiTags('containers')
@ApiBearerAuth()
@Controller('api/containers')
export class ContainersController {
  constructor(
    private readonly containers: ContainersService,
    private readonly lifecycle: ContainerLifecycleService,
    private readonly waiter: ContainerWaiter,
    private readonly view: ContainerView,
    private readonly changes: ContainerChanges,
    private readonly rebuilds: RebuildService,
  ) {}

  @Get()
  @Requires('container:read')
  @ApiOperation({ summary: 'List containers, newest first' })
  @ApiResponse({ status: 200, type: ContainerPageDto, description: 'One page' })
  @ApiErrors('project_not_found')
  list(@CurrentPrincipal() principal: Principal, @Query() query: ListContainersQuery): Promise<ContainerPageDto> {
    return this.containers.list(principal, query);
  }

  @Post()
  @Requires('container:create')
  @CountsAsCreate()
  @UseInterceptors(QueueDepthInterceptor)
  @ApiOperation({
    summary: 'Create a container',
    description: 'It is accepted at once and set up in the background; its job shows the progress.',
  })
  @ApiBody({ type: CreateContainerDto, examples: CREATE_EXAMPLES })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: 'wait=60: respond with 201 as soon as the container runs, or with 202 after 60 seconds; 600 at most',
    example: 'wait=60',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'A repeated request with the same key and body returns the same container; 255 characters at most',
  })
  @ApiResponse({ status: 202, type: ContainerDto, description: 'Accepted', headers: LOCATION })
  @ApiResponse({ status: 201, type: ContainerDto, description: 'It runs, as Prefer: wait asked', headers: LOCATION })
  @ApiErrors(
    'ssh_key_not_usable',
    'credential_not_found',
    'credential_not_usable',
    'egress_open_forbidden',
    'egress_not_supported',
    'images_not_supported',
    'quota_exceeded',
    'project_not_found',
    'volume_not_found',
    'snapshot_not_found',
    'name_taken',
    'volume_in_use',
    'idempotency_key_reused',
    ...ENGINE_ERRORS,
  )
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateContainerDto,
    @Headers('prefer') prefer: string | undefined,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ContainerDto> {
    let container = await this.containers.create(principal, body, parseIdempotencyKey(idempotencyKey));
    const wait = preferredWaitSeconds(prefer);
    if (wait !== undefined) {
      const row = await this.waiter.untilSettled(container, wait * 1_000, clientSignal(request));
      if (row !== null) container = await this.view.one(row);
      response.setHeader('Preference-Applied', `wait=${wait}`);
    }
    response
      .status(wait !== undefined && container.status === 'running' ? 201 : 202)
      .location(`/api/containers/${container.id}`);
    return container;
  }

  @Get(':id')
  @Requires('container:read')
  @ApiOperation({ summary: 'Get a container by id or name' })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'The container' })
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ContainerDto> {
    return this.containers.get(principal, id);
  }

  @Post(':id/start')
  @Requires('container:update')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start a container; a failed or missing one is provisioned again with its volume' })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'Its new state; unchanged when it runs already' })
  @ApiErrors(
    'ssh_key_not_usable',
    'credential_not_found',
    'credential_unreadable',
    'quota_exceeded',
    'invalid_state',
    'busy',
    ...ENGINE_ERRORS,
  )
  async start(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<ContainerDto> {
    const started = await this.lifecycle.start(await this.containers.find(principal, id));
    const row = await this.waiter.untilSettled(started, START_TIMEOUT_MS, clientSignal(request));
    return this.view.one(row ?? started);
  }

  @Post(':id/stop')
  @Requires('container:update')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop a container; its files are kept' })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'Its new state; unchanged when it is stopped already' })
  @ApiErrors('invalid_state', 'busy', ...ENGINE_ERRORS)
  async stop(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ContainerDto> {
    return this.view.one(await this.lifecycle.stop(await this.containers.find(principal, id)));
  }

  @Post(':id/rebuild')
  @Requires('container:update')
  @CountsAsCreate()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Create a container anew, from the current image',
    description:
      'Its files at /workspace, its home directory and the sessions of Claude Code stay; programs and terminals end. Changes that were pending take effect. It runs afterwards, whether it did before or not.',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: 'wait=60: respond with 200 as soon as the container runs, or with 202 after 60 seconds',
  })
  @ApiResponse({ status: 202, type: ContainerDto, description: 'Accepted' })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'It runs, as Prefer: wait asked' })
  @ApiErrors('quota_exceeded', 'invalid_state', 'busy', 'instruction_running', ...ENGINE_ERRORS)
  async rebuild(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('prefer') prefer: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ContainerDto> {
    let row = await this.rebuilds.begin(await this.containers.find(principal, id));
    const wait = preferredWaitSeconds(prefer);
    if (wait !== undefined) {
      row = (await this.waiter.untilSettled(row, wait * 1_000, clientSignal(request))) ?? row;
      response.setHeader('Preference-Applied', `wait=${wait}`);
    }
    response.status(wait !== undefined && row.status === 'running' ? 200 : 202);
    return this.view.one(row);
  }

  @Patch(':id')
  @Requires('container:update')
  @ApiOperation({
    summary: 'Change a container',
    description: 'What takes effect only when the container is rebuilt is in pendingChanges of the response.',
  })
  @ApiBody({ type: UpdateContainerDto, examples: UPDATE_EXAMPLES })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'The container with its changes' })
  @ApiErrors(
    'ssh_key_not_usable',
    'credential_not_found',
    'credential_not_usable',
    'quota_exceeded',
    'invalid_state',
    'name_taken',
    'busy',
    ...ENGINE_ERRORS,
  )
  async update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: UpdateContainerDto,
  ): Promise<ContainerDto> {
    return this.view.one(await this.changes.change(principal, await this.containers.find(principal, id), body));
  }

  @Delete(':id')
  @Requires('container:delete')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a container with everything that belongs to it' })
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiErrors('invalid_state', 'busy', ...ENGINE_ERRORS)
  async remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: RemoveContainerQuery,
  ): Promise<void> {
    await this.lifecycle.remove(await this.containers.find(principal, id), query.keepVolume);
  }
}
