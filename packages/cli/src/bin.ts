#!/usr/bin/env node
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Cli from "./Cli.js"
import { runMain } from "./internal/runMain.js"
import * as Stdio from "./Stdio.js"

runMain(Effect.provide(
  Cli.main(process.argv),
  Layer.mergeAll(Stdio.layer, NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)
))
