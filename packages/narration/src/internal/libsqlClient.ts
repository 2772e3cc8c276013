import { type Client, createClient, type Transaction } from "@libsql/client"

/**
 * A client of one SQLite file on one connection. The library opens a connection for each transaction and loses two file descriptors and half a
 * megabyte with each (tursodatabase/libsql-client-ts#350): here transactions are statements on the same connection, and statements from
 * outside of one wait for its end.
 *
 * @internal
 */
export const open = async (file: string): Promise<Client> => {
  const client = createClient({ url: `file:${file}`, intMode: "bigint" })
  // A power cut may take the last commits along: what has been spoken is in the store all the same.
  await client.execute("PRAGMA journal_mode=WAL")
  await client.execute("PRAGMA synchronous=NORMAL")
  await client.execute("PRAGMA busy_timeout=5000")

  let last: Promise<void> = Promise.resolve()
  const turn = async (): Promise<() => void> => {
    const before = last
    let end = (): void => undefined
    // The library's interface is one of promises.
    // @effect-diagnostics-next-line newPromise:off
    last = new Promise((resolve) => {
      end = resolve
    })
    await before
    return end
  }

  const execute: Client["execute"] = async (...args: Parameters<Client["execute"]>) => {
    const end = await turn()
    try {
      return await client.execute(...args)
    } finally {
      end()
    }
  }

  const transaction = async (): Promise<Transaction> => {
    const end = await turn()
    let isClosed = false
    const finish = async (statement: string): Promise<void> => {
      if (isClosed) return
      isClosed = true
      try {
        await client.execute(statement)
      } finally {
        end()
      }
    }
    try {
      await client.execute("BEGIN IMMEDIATE")
    } catch (error) {
      isClosed = true
      end()
      throw error
    }
    return {
      execute: (statement) => client.execute(statement),
      batch: async (statements) => {
        const results = []
        for (const statement of statements) results.push(await client.execute(statement))
        return results
      },
      executeMultiple: (sql) => client.executeMultiple(sql),
      commit: () => finish("COMMIT"),
      rollback: () => finish("ROLLBACK"),
      close: () => void finish("ROLLBACK").catch(() => undefined),
      get closed() {
        return isClosed
      }
    }
  }

  return {
    execute,
    transaction,
    batch: (...args) => client.batch(...args),
    migrate: (...args) => client.migrate(...args),
    executeMultiple: (sql) => client.executeMultiple(sql),
    sync: () => client.sync(),
    close: () => client.close(),
    get closed() {
      return client.closed
    },
    get protocol() {
      return client.protocol
    }
  }
}
