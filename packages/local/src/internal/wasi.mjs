/**
 * As much of WASI as Flite asks for: thirteen calls over files that live in memory. `node:wasi` would want real files,
 * warns that it is experimental, and does not exist in browsers.
 */

const success = 0
const badFileDescriptor = 8
const noSuchFile = 44

const filetypeCharacterDevice = 2
const filetypeDirectory = 3
const filetypeRegularFile = 4

const allRights = 0x1fffffffn
/** Without the rights to seek and to tell, the C library takes a descriptor for a terminal and flushes every line. */
const terminalRights = allRights & ~0x24n

const preopenedDirectory = 3
const openCreate = 1
const openTruncate = 8
const openAppend = 1

/** How `proc_exit` leaves the WebAssembly stack. */
class Exit extends Error {
  /** @param {number} code */
  constructor(code) {
    super(`exit code ${code}`)
    this.code = code
  }
}

class File {
  /** @param {Uint8Array} content */
  constructor(content) {
    this.buffer = content
    this.size = content.length
  }

  get content() {
    return this.buffer.subarray(0, this.size)
  }

  /**
   * @param {number} position
   * @param {Uint8Array} bytes
   */
  write(position, bytes) {
    const end = position + bytes.length
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.buffer.length * 2))
      grown.set(this.content)
      this.buffer = grown
    }
    this.buffer.set(bytes, position)
    this.size = Math.max(this.size, end)
  }
}

/**
 * @typedef {object} Program
 * @property {ReadonlyArray<string>} args the command line, without the name of the program
 * @property {Readonly<Record<string, string>>} files text files in its working directory
 * @property {(line: string) => void} [onLine] takes each line of standard output
 * @property {(name: string, content: Uint8Array) => void} [onClose] takes each file that the program closes; the bytes
 *   are a view that is valid during the call
 */

/**
 * Runs a WASI command to its end in an instance of its own, so that nothing of it stays behind.
 * Throws what the program traps with, and an `Error` with its standard error when its exit code is not 0.
 *
 * @param {WebAssembly.Module} module
 * @param {Program} program
 */
export const run = (module, program) => {
  const encoder = new TextEncoder()
  const args = ["flite", ...program.args].map((arg) => encoder.encode(`${arg}\0`))
  const files = new Map(Object.entries(program.files).map(([name, text]) => [name, new File(encoder.encode(text))]))

  /** @type {Map<number, { name: string, file: File, position: number }>} */
  const descriptors = new Map()
  let nextDescriptor = preopenedDirectory + 1

  /** @type {WebAssembly.Memory} */
  let memory
  // Made anew in every call: the buffer is another one after the memory has grown.
  const view = () => new DataView(memory.buffer)
  /**
   * @param {number} pointer
   * @param {number} length
   */
  const bytesAt = (pointer, length) => new Uint8Array(memory.buffer, pointer, length)

  const stdout = new TextDecoder()
  const stderr = new TextDecoder()
  let line = ""
  let complaint = ""

  /** @param {Uint8Array} bytes */
  const print = (bytes) => {
    const lines = (line + stdout.decode(bytes, { stream: true })).split("\n")
    line = lines.pop() ?? ""
    for (const complete of lines) program.onLine?.(complete)
  }

  /**
   * @param {number} vectors
   * @param {number} count
   */
  const buffersAt = function*(vectors, count) {
    const table = view()
    for (let i = 0; i < count; i++) {
      yield bytesAt(table.getUint32(vectors + 8 * i, true), table.getUint32(vectors + 8 * i + 4, true))
    }
  }

  const wasi = {
    /** @type {(count: number, size: number) => number} */
    args_sizes_get(count, size) {
      view().setUint32(count, args.length, true)
      view().setUint32(size, args.reduce((sum, arg) => sum + arg.length, 0), true)
      return success
    },
    /** @type {(pointers: number, buffer: number) => number} */
    args_get(pointers, buffer) {
      let pointer = buffer
      args.forEach((arg, i) => {
        view().setUint32(pointers + 4 * i, pointer, true)
        bytesAt(pointer, arg.length).set(arg)
        pointer += arg.length
      })
      return success
    },
    /** The clock stands still: speech must not depend on when it is made.
     * @type {(id: number, precision: bigint, time: number) => number} */
    clock_time_get(_id, _precision, time) {
      view().setBigUint64(time, 0n, true)
      return success
    },
    /** @type {(fd: number) => number} */
    fd_close(fd) {
      const open = descriptors.get(fd)
      if (open === undefined) return badFileDescriptor
      descriptors.delete(fd)
      program.onClose?.(open.name, open.file.content)
      return success
    },
    /** @type {(fd: number, stat: number) => number} */
    fd_fdstat_get(fd, stat) {
      const terminal = fd < preopenedDirectory
      const filetype = terminal
        ? filetypeCharacterDevice
        : fd === preopenedDirectory
        ? filetypeDirectory
        : filetypeRegularFile
      view().setUint8(stat, filetype)
      view().setUint16(stat + 2, 0, true)
      view().setBigUint64(stat + 8, terminal ? terminalRights : allRights, true)
      view().setBigUint64(stat + 16, allRights, true)
      return success
    },
    fd_fdstat_set_flags: () => success,
    /** @type {(fd: number, prestat: number) => number} */
    fd_prestat_get(fd, prestat) {
      if (fd !== preopenedDirectory) return badFileDescriptor
      view().setUint32(prestat, 0, true)
      view().setUint32(prestat + 4, 1, true)
      return success
    },
    /** @type {(fd: number, path: number, length: number) => number} */
    fd_prestat_dir_name(_fd, path, _length) {
      bytesAt(path, 1).set(encoder.encode("."))
      return success
    },
    /** @type {(fd: number, vectors: number, count: number, read: number) => number} */
    fd_read(fd, vectors, count, read) {
      const open = descriptors.get(fd)
      if (open === undefined) return badFileDescriptor
      const before = open.position
      for (const buffer of buffersAt(vectors, count)) {
        const part = open.file.content.subarray(open.position, open.position + buffer.length)
        buffer.set(part)
        open.position += part.length
      }
      view().setUint32(read, open.position - before, true)
      return success
    },
    /** @type {(fd: number, offset: bigint, whence: number, position: number) => number} */
    fd_seek(fd, offset, whence, position) {
      const open = descriptors.get(fd)
      if (open === undefined) return badFileDescriptor
      const bases = [0, open.position, open.file.size]
      open.position = Math.max(0, (bases[whence] ?? 0) + Number(offset))
      view().setBigUint64(position, BigInt(open.position), true)
      return success
    },
    /** @type {(fd: number, vectors: number, count: number, written: number) => number} */
    fd_write(fd, vectors, count, written) {
      const open = descriptors.get(fd)
      if (open === undefined && fd !== 1 && fd !== 2) return badFileDescriptor
      let total = 0
      for (const buffer of buffersAt(vectors, count)) {
        total += buffer.length
        if (open !== undefined) {
          open.file.write(open.position, buffer)
          open.position += buffer.length
        } else if (fd === 1) {
          print(buffer)
        } else {
          complaint += stderr.decode(buffer, { stream: true })
        }
      }
      view().setUint32(written, total, true)
      return success
    },
    /** @type {(directory: number, lookup: number, path: number, length: number, open: number, base: bigint, inherited: bigint, flags: number, opened: number) => number} */
    path_open(_directory, _lookup, path, length, open, _base, _inherited, flags, opened) {
      const name = new TextDecoder().decode(bytesAt(path, length).slice())
      let file = files.get(name)
      if (file === undefined) {
        if ((open & openCreate) === 0) return noSuchFile
        file = new File(new Uint8Array(1 << 16))
        file.size = 0
        files.set(name, file)
      }
      if ((open & openTruncate) !== 0) file.size = 0
      const fd = nextDescriptor++
      descriptors.set(fd, { name, file, position: (flags & openAppend) === 0 ? 0 : file.size })
      view().setUint32(opened, fd, true)
      return success
    },
    /** @type {(code: number) => never} */
    proc_exit(code) {
      throw new Exit(code)
    }
  }

  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi })
  // A WASI command exports these two, and the hash of the file says that it is the one we know.
  memory = /** @type {WebAssembly.Memory} */ (exports.memory)
  const start = /** @type {() => void} */ (exports._start)
  try {
    start()
  } catch (error) {
    if (!(error instanceof Exit)) throw error
    if (error.code !== 0) throw new Error(`${error.message} ${complaint.trim()}`.trim(), { cause: error })
  }
}
