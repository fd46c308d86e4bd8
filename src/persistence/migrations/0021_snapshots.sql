CREATE TABLE "snapshots" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_id" text NOT NULL,
	"project_id" uuid NOT NULL,
	"container_id" uuid NOT NULL,
	"container_name" text NOT NULL,
	"template" text NOT NULL,
	"repo_type" text NOT NULL,
	"repo_url" text,
	"repo_branch" text,
	"state" text NOT NULL,
	"purpose" text NOT NULL,
	"holder" text NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"paused_ms" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "snapshot_id" uuid;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "forked_from" uuid;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "fork_branch" text;--> statement-breakpoint
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "snapshots_project" ON "snapshots" USING btree ("project_id","container_id","created_at");--> statement-breakpoint
CREATE INDEX "snapshots_unsettled" ON "snapshots" USING btree ("state","purpose");