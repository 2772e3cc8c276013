/**
 * Engines of workflows for narrations: one process with a journal in a file.
 *
 * @since 0.2.0
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as SingleRunner from "@effect/cluster/SingleRunner"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import type * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Libsql from "./internal/libsqlClient.js"

/**
 * A journal that cannot be opened.
 *
 * @since 0.2.0
 * @category errors
 */
export class JournalError
  extends Schema.TaggedError<JournalError>("@effect-smallest/narration/NarrationEngine/JournalError")("JournalError", {
    file: Schema.String,
    description: Schema.String
  })
{
  override get message(): string {
    return `The journal ${this.file} cannot be opened: ${this.description}. If it is damaged, delete it; what has been spoken is kept beside it.`
  }
}

/**
 * Runs workflows in this process, and keeps their journal in an SQLite file: a process that was killed resumes where it was. One process at
 * a time may use the file.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerFile = (
  file: string
): Layer.Layer<WorkflowEngine.WorkflowEngine, ConfigError.ConfigError | JournalError> =>
  ClusterWorkflowEngine.layer.pipe(
    Layer.provide(SingleRunner.layer({
      runnerStorage: "memory",
      shardingConfig: {
        entityTerminationTimeout: "1 second",
        entityMessagePollInterval: "500 millis",
        entityReplyPollInterval: "200 millis"
      }
    })),
    Layer.provide(Layer.unwrapScoped(Effect.map(
      Effect.acquireRelease(
        Effect.tryPromise({
          try: () => Libsql.open(file),
          catch: (error) =>
            new JournalError({ file, description: error instanceof Error ? error.message : String(error) })
        }),
        (client) => Effect.sync(() => client.close())
      ),
      (liveClient) => LibsqlClient.layer({ liveClient })
    )))
  )
