/**
 * For running the command from its sources: loads the libraries before tsx looks at every import, which takes a third of
 * the start-up time away. Not published.
 */
import "@effect/cli/Args"
import "@effect/cli/Command"
import "@effect/cli/Options"
import "@effect/platform-node/NodeFileSystem"
import "@effect/platform-node/NodePath"
import "@effect/platform-node/NodeRuntime"
import "@effect/platform-node/NodeStream"
import "@effect/platform-node/NodeTerminal"
