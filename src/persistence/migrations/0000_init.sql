CREATE TABLE "containers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_id" text NOT NULL,
	"name" text NOT NULL,
	"template" text NOT NULL,
	"mode" text NOT NULL,
	"repo_type" text NOT NULL,
	"repo_url" text,
	"repo_branch" text,
	"ssh_key_path" text,
	"cpu_limit" double precision NOT NULL,
	"memory_limit" integer NOT NULL,
	"disk_limit" integer NOT NULL,
	"env" jsonb NOT NULL,
	"status" text NOT NULL,
	"status_reason" jsonb,
	"desired_running" boolean NOT NULL,
	"disk_limit_enforced" text NOT NULL,
	"docker_id" text,
	"image" text,
	"job_id" uuid,
	"workspace_ready" boolean NOT NULL,
	"keep_volume" boolean DEFAULT false NOT NULL,
	"lease_holder" text,
	"lease_expires_at" timestamp (3) with time zone,
	"fence" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"owner_id" text NOT NULL,
	"key" text NOT NULL,
	"body_hash" text NOT NULL,
	"container_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_owner_id_key_pk" PRIMARY KEY("owner_id","key")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_id" text NOT NULL,
	"container_id" uuid NOT NULL,
	"name" text NOT NULL,
	"state" text NOT NULL,
	"step" text,
	"progress" integer DEFAULT 0 NOT NULL,
	"message" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"error" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_container_id_containers_id_fk" FOREIGN KEY ("container_id") REFERENCES "public"."containers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "containers_name" ON "containers" USING btree ("name") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "containers_owner" ON "containers" USING btree ("owner_id","created_at","id") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "idempotency_keys_created" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "jobs_container" ON "jobs" USING btree ("container_id");