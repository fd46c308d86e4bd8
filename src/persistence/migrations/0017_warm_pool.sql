CREATE TABLE "warm_workspaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"template" text NOT NULL,
	"fenced" boolean NOT NULL,
	"state" text NOT NULL,
	"holder" text NOT NULL,
	"runtime_id" text,
	"fingerprint" text,
	"env" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"claimed_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "provisioning" text DEFAULT 'cold' NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "added_env" jsonb;--> statement-breakpoint
CREATE INDEX "warm_workspaces_state" ON "warm_workspaces" USING btree ("template","fenced","state","created_at");